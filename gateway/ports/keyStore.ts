import type { ApiKey } from '../domain/apiKey.ts';

/** API keys, deleted ones too. */
export interface KeyStore {
  /** The oldest first. */
  load(): Promise<ApiKey[]>;
  /** A key of the same id takes the new values. Resolves when it is on disk. */
  put(key: ApiKey): Promise<void>;
}

import type { ApiKey } from '../../gateway/domain/apiKey.ts';
import type { KeyStore } from '../../gateway/ports/keyStore.ts';

/** The key store without a disk. */
export class MemoryKeyStore implements KeyStore {
  readonly rows = new Map<string, ApiKey>();

  async load(): Promise<ApiKey[]> {
    return [...this.rows.values()].sort((a, b) => a.createdAtEpochMs - b.createdAtEpochMs);
  }

  async put(key: ApiKey): Promise<void> {
    this.rows.set(key.id, key);
  }
}

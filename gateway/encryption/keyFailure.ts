import type { Result } from '../domain/errors.ts';
import type { WeightKey } from './weightKey.ts';

/** Why there is no key. The message names the source, never what was read from it. */
export interface KeyFailure {
  readonly code:
    | 'key_not_configured'
    /** The file, variable or program is not there or did not do its part. */
    | 'key_unavailable'
    /** Others than its owner may read the file. */
    | 'key_exposed'
    /** What was read has not the form of a key. */
    | 'key_malformed';
  readonly message: string;
}

export type KeyResult<T = WeightKey> = Result<T, KeyFailure>;

export function keyFailure(
  code: KeyFailure['code'],
  message: string,
): { readonly ok: false; readonly error: KeyFailure } {
  return { ok: false, error: { code, message } };
}

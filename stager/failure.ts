import { STORE_ERROR_CODES, type StoreError, type StoreErrorCode } from '../native/storeTypes.ts';
import type { StagerFailure } from './protocol/messages.ts';

/** What no other try helps against, as long as nobody changes a file, a key or the order. */
const PERMANENT: ReadonlySet<StoreErrorCode> = new Set([
  'source_missing',
  'source_unsafe',
  'digest_mismatch',
  'key_required',
  'encrypted_stays',
  'not_a_container',
  'unsupported_version',
  'bad_header',
  'wrong_key',
  'chunk_damaged',
  'truncated',
  'trailing_bytes',
  'invalid_argument',
]);

/** An expected failure of the stager's own. */
export class StagerError extends Error {
  readonly code: string;
  readonly permanent: boolean;

  constructor(code: string, message: string, permanent: boolean) {
    super(message);
    this.code = code;
    this.permanent = permanent;
  }
}

export function isStoreError(error: unknown): error is StoreError {
  return (
    error instanceof Error &&
    'code' in error &&
    (STORE_ERROR_CODES as readonly unknown[]).includes(error.code)
  );
}

/** A failure as the gateway is told it. What nobody expected is thrown on: it ends the process with its place. */
export function toFailure(error: unknown): StagerFailure {
  if (error instanceof StagerError)
    return { code: error.code, message: error.message, permanent: error.permanent };
  if (!isStoreError(error)) throw error;
  const { code, message, neededBytes, freeBytes, budgetBytes = null, keyName } = error;
  const named = keyName === undefined ? {} : { keyName };
  const failure = { code, message, permanent: PERMANENT.has(code), ...named };
  if (neededBytes === undefined || freeBytes === undefined) return failure;
  return { ...failure, shortage: { neededBytes, freeBytes, budgetBytes } };
}

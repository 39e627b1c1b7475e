import { createHmac } from 'node:crypto';
import { fail, ok, type Result } from '../../domain/errors.ts';
import type { Endpoint } from '../../domain/requestRecord.ts';
import type { KeyedAttempt } from '../../ports/ledger.ts';

/** 1 to 255 printable ASCII characters. */
const PRINTABLE = /^[\x20-\x7e]{1,255}$/;
/** A string as structured headers write it (RFC 9651, 3.3.3), which the draft asks for; most clients send the bare text. */
const QUOTED = /^"((?:[^"\\]|\\["\\])*)"$/;

/**
 * Keyed hashes of idempotency keys and of the bodies that came with them, by a secret of the data directory: they mean
 * the same to its next gateway, and nothing to who has only the database.
 */
export class Fingerprints {
  readonly #secret: string;

  constructor(secret: string) {
    this.#secret = secret;
  }

  /**
   * The attempt that a request with that `Idempotency-Key` is. `owner`: whose key it is, as two owners' equal keys have
   * nothing to do with one another. The body is what was read as JSON: spaces do not matter, the order of fields does.
   */
  attemptOf(header: string, owner: string, endpoint: Endpoint, json: unknown): Result<KeyedAttempt> {
    const key = QUOTED.exec(header)?.[1]?.replaceAll(/\\(["\\])/g, '$1') ?? header;
    if (!PRINTABLE.test(key)) {
      return fail(
        'invalid_request',
        `Cannot use header "Idempotency-Key": expected 1 to 255 printable ASCII characters, got ${key.length} characters`,
        'Idempotency-Key',
      );
    }
    return ok({
      keyHash: this.#hash('key', owner, endpoint, key),
      bodyFingerprint: this.#hash('body', owner, endpoint, JSON.stringify(json)),
    });
  }

  #hash(...parts: string[]): string {
    return createHmac('sha256', this.#secret).update(JSON.stringify(parts)).digest('base64url');
  }
}

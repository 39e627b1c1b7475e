import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { KeptSecret } from '../../domain/apiKey.ts';

const SECRET_START = 'hk_';
const SECRET_BYTES = 32;
/** What is shown of a secret; 36 of its 256 bits. */
const PREFIX_LENGTH = SECRET_START.length + 6;

/** Makes, hashes and compares the secrets of API keys. The one place that compares them. */
export class KeySecrets {
  readonly #hashKey: string;

  /** `hashKey`: the data directory's own; a hash says nothing without it. */
  constructor(hashKey: string) {
    this.#hashKey = hashKey;
  }

  /** `hk_` and 32 random bytes in base64url. */
  make(): string {
    return `${SECRET_START}${randomBytes(SECRET_BYTES).toString('base64url')}`;
  }

  keep(secret: string): KeptSecret {
    return { prefix: this.prefixOf(secret), hash: this.#digest(secret).toString('base64url') };
  }

  prefixOf(secret: string): string {
    return secret.slice(0, PREFIX_LENGTH);
  }

  /** Whether it is the secret that is kept there, in a time that does not tell how much of it is right. */
  matches(secret: string, kept: KeptSecret): boolean {
    const expected = Buffer.from(kept.hash, 'base64url');
    const given = this.#digest(secret);
    return expected.length === given.length && timingSafeEqual(given, expected);
  }

  #digest(secret: string): Buffer {
    return createHmac('sha256', this.#hashKey).update(secret).digest();
  }
}

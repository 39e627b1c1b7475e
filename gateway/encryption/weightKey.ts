import { inspect } from 'node:util';

export const WEIGHT_KEY_BYTES = 32;

/** A master key that no log, message or JSON shows by mistake. Whoever got it wipes it. */
export class WeightKey {
  readonly #bytes: Uint8Array;

  /** Copies: what the bytes came in is the caller's to wipe. */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== WEIGHT_KEY_BYTES)
      throw new Error(`expected a key of ${WEIGHT_KEY_BYTES} bytes against ${bytes.length}`);
    this.#bytes = Uint8Array.from(bytes);
  }

  /** The bytes themselves, for as long as `work` runs; to be kept by nobody. */
  use<T>(work: (bytes: Uint8Array) => T): T {
    return work(this.#bytes);
  }

  wipe(): void {
    this.#bytes.fill(0);
  }

  toString(): string {
    return '[key]';
  }

  toJSON(): string {
    return '[key]';
  }

  [inspect.custom](): string {
    return '[key]';
  }
}

const HEX = /^[0-9a-f]{64}$/i;
const BASE64 = /^[a-z0-9+/_-]{43}=?$/i;

/**
 * Reads 32 bytes as they are, 64 hexadecimal digits, or base64 (also the URL's) of 32 bytes, with white space around the
 * latter two. null when it is none of these.
 */
export function parseWeightKey(read: Uint8Array): WeightKey | null {
  if (read.length === WEIGHT_KEY_BYTES) return new WeightKey(read);
  const text = Buffer.from(read.buffer, read.byteOffset, read.byteLength).toString('latin1').trim();
  const encoding = HEX.test(text) ? 'hex' : BASE64.test(text) ? 'base64' : null;
  if (encoding === null) return null;
  const bytes = Buffer.from(text, encoding);
  const key = new WeightKey(bytes);
  bytes.fill(0);
  return key;
}

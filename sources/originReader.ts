import { SourceError } from './errors.ts';
import type { Origin, OriginFile } from './origin.ts';
import { type Pace, REAL_PACE, retrying } from './pace.ts';

/** A vocabulary of 256,000 tokens with merges is below 12 MB; a header beyond this is none. */
const MOST_BYTES = 64 * 2 ** 20;
const FIRST_WINDOW_BYTES = 256 * 2 ** 10;
const LAST_WINDOW_BYTES = 8 * 2 ** 20;
/** A read gets at least so much, unless the file ends: longer than any value that a header's reader takes at once. */
const LEAST_BYTES = 64 * 2 ** 10;
const ATTEMPTS = 3;

/**
 * Reads the beginning of a remote file piece by piece, each window twice as long as the one before: few requests for a
 * long header, few bytes for a short one. `too_large` past 64 MiB.
 */
export class OriginReader {
  readonly #origin: Origin;
  readonly #file: OriginFile;
  readonly #signal: AbortSignal | undefined;
  readonly #pace: Pace;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  #nextWindowBytes = FIRST_WINDOW_BYTES;
  #fetchedBytes = 0;

  constructor(origin: Origin, file: OriginFile, options: { signal?: AbortSignal; pace?: Pace } = {}) {
    this.#origin = origin;
    this.#file = file;
    this.#signal = options.signal;
    this.#pace = options.pace ?? REAL_PACE;
  }

  /** Fills `target` from `position` as far as it goes and says how far; 0 at the end of the file. */
  async read(target: Buffer, position: number): Promise<number> {
    const wanted = Math.min(target.length, LEAST_BYTES, Math.max(0, this.#file.bytes - position));
    const end = this.#windowStart + this.#window.length;
    if (position < this.#windowStart || position + wanted > end) await this.#fetch(position);
    return this.#window.copy(target, 0, position - this.#windowStart);
  }

  /** The same of exactly these bytes: where it is known how far a read goes, and the next one lies elsewhere. */
  async readPiece(target: Buffer, position: number): Promise<number> {
    const end = Math.min(this.#file.bytes, position + target.length);
    if (position >= end) return 0;
    const isInWindow = position >= this.#windowStart && end <= this.#windowStart + this.#window.length;
    if (isInWindow) return this.#window.copy(target, 0, position - this.#windowStart);
    const { from, bytes } = await this.#bring(position, end);
    return bytes.copy(target, 0, position - from);
  }

  async #fetch(position: number): Promise<void> {
    const to = Math.min(this.#file.bytes, position + this.#nextWindowBytes);
    const { from, bytes } = await this.#bring(position, to);
    this.#window = bytes;
    this.#windowStart = from;
    this.#nextWindowBytes = Math.min(LAST_WINDOW_BYTES, this.#nextWindowBytes * 2);
  }

  async #bring(position: number, to: number): Promise<{ readonly from: number; readonly bytes: Buffer }> {
    // Without ranges everything before comes again.
    const from = this.#file.ranges ? position : 0;
    this.#fetchedBytes += to - from;
    if (this.#fetchedBytes > MOST_BYTES) {
      const why = `expected at most ${MOST_BYTES} bytes of it`;
      throw new SourceError('too_large', `Cannot read the header of "${this.#origin.uri}": ${why}`);
    }
    const options = { attempts: ATTEMPTS, pace: this.#pace, signal: this.#signal };
    return { from, bytes: await retrying(() => this.#read(from, to), options) };
  }

  async #read(from: number, to: number): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    const end = this.#file.ranges ? to : this.#file.bytes;
    for await (const chunk of this.#origin.read(this.#file, from, end, this.#signal)) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= to - from) break;
    }
    return Buffer.concat(chunks).subarray(0, to - from);
  }
}

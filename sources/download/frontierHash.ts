import { createHash } from 'node:crypto';
import type { PartFile } from './partFile.ts';

const CHUNK_BYTES = 2 ** 20;

/**
 * SHA-256 of a file whose parts come in any order: follows the end of what is there without a gap, reading it back while
 * the system has it in memory.
 */
export class FrontierHash {
  readonly #hash = createHash('sha256');
  readonly #file: PartFile;
  readonly #bytes: number;
  readonly #partBytes: number;
  readonly #there: Set<number>;
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  #at = 0;
  #running: Promise<void> | null = null;

  constructor(file: PartFile, bytes: number, partBytes: number) {
    this.#file = file;
    this.#bytes = bytes;
    this.#partBytes = partBytes;
    this.#there = new Set(file.done);
  }

  /** A part is written. Its failures come out of `digest`. */
  add(part: number): void {
    this.#there.add(part);
    this.#run().catch(() => {});
  }

  /** 64 hex digits, when all parts are there. */
  async digest(): Promise<string> {
    await this.#running?.catch(() => {});
    await this.#run();
    if (this.#at < this.#bytes) throw new Error(`Cannot hash "${this.#file.path}": a part is missing`);
    return this.#hash.digest('hex');
  }

  #run(): Promise<void> {
    this.#running ??= this.#follow().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #follow(): Promise<void> {
    while (this.#at < this.#bytes) {
      const part = Math.floor(this.#at / this.#partBytes);
      if (!this.#there.has(part)) return;
      const end = Math.min(this.#bytes, (part + 1) * this.#partBytes);
      const target = this.#chunk.subarray(0, Math.min(CHUNK_BYTES, end - this.#at));
      const bytesRead = await this.#file.read(target, this.#at);
      if (bytesRead === 0) throw new Error(`part ${part} has gone from "${this.#file.path}"`);
      this.#hash.update(target.subarray(0, bytesRead));
      this.#at += bytesRead;
    }
  }
}

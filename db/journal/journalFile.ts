import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';

/** A file of lines that is only ever added to and emptied. What was written outlives this process, not the machine. */
export class JournalFile {
  readonly #descriptor: number;
  #bytes = 0;
  /** Entries of which somebody still needs the lines. */
  #held = 0;

  constructor(path: string) {
    this.#descriptor = openSync(path, 'a', 0o600);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Throws what the disk says; then a part of the line may stand there, which a reader passes over. */
  append(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    const written = writeSync(this.#descriptor, bytes);
    this.#bytes += written;
    if (written < bytes.length)
      throw new Error(`Cannot write ${bytes.length} bytes: the disk took ${written}`);
    this.#held += 1;
  }

  release(): void {
    this.#held -= 1;
  }

  /** Empties it unless something in it is still needed. */
  tidy(): void {
    if (this.#bytes > 0 && this.#held === 0) this.empty();
  }

  empty(): void {
    ftruncateSync(this.#descriptor, 0);
    this.#bytes = 0;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

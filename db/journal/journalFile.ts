import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';

/** A file of lines that is only ever added to and emptied. What was written outlives this process, not the machine. */
export class JournalFile {
  readonly #descriptor: number;
  #bytes = 0;
  /** Entries of which somebody still needs the lines. */
  #held = 0;
  /** The last line has no end: the disk took a part of it. */
  #isTorn = false;

  constructor(path: string) {
    this.#descriptor = openSync(path, 'a', 0o600);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Throws what the disk says; then a part of the line may stand there, which a reader passes over. */
  append(line: string): void {
    // What was torn must not take the next line along.
    const bytes = Buffer.from(`${this.#isTorn ? '\n' : ''}${line}\n`);
    const written = writeSync(this.#descriptor, bytes);
    this.#bytes += written;
    this.#isTorn = written < bytes.length && (this.#isTorn || written > 0);
    if (written < bytes.length)
      throw new Error(`Cannot write ${bytes.length} bytes: the disk took ${written}`);
    this.#held += 1;
  }

  release(): void {
    this.#held -= 1;
  }

  /** Empties it unless something in it is still needed. One that the disk does not empty is left for the next time. */
  tidy(): void {
    if (this.#bytes === 0 || this.#held > 0) return;
    try {
      this.empty();
    } catch {
      // A line that stands there once more than it has to is read, and changes nothing.
    }
  }

  /** Throws what the disk says. */
  empty(): void {
    ftruncateSync(this.#descriptor, 0);
    this.#bytes = 0;
    this.#isTorn = false;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

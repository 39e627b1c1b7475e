const CHUNK_BYTES = 2 ** 20;

/** What a cursor reads from. */
export interface RandomAccess {
  /** Fills `target` from `position` as far as it goes and says how far: at least 64 KiB, unless the file ends. */
  read(target: Buffer, position: number): Promise<number>;
}

/**
 * Reads little-endian values from front to back. Holds one chunk at a time and never goes past the file's end: what
 * would is a file that is cut off, which throws.
 */
export class FileCursor {
  readonly #file: RandomAccess;
  readonly #sizeBytes: number;
  readonly #chunk: Buffer;
  #view: Buffer = Buffer.alloc(0);
  #viewStart = 0;
  #position = 0;

  constructor(file: RandomAccess, sizeBytes: number) {
    this.#file = file;
    this.#chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, sizeBytes));
    this.#sizeBytes = sizeBytes;
  }

  get position(): number {
    return this.#position;
  }

  async uint16(): Promise<number> {
    return (await this.#take(2)).readUInt16LE();
  }

  async int32(): Promise<number> {
    return (await this.#take(4)).readInt32LE();
  }

  async uint32(): Promise<number> {
    return (await this.#take(4)).readUInt32LE();
  }

  async float32(): Promise<number> {
    return (await this.#take(4)).readFloatLE();
  }

  /** A count, length or offset; more than the file has bytes is more than it can hold. */
  async size(): Promise<number> {
    const value = (await this.#take(8)).readBigUInt64LE();
    if (value > BigInt(this.#sizeBytes)) throw this.#truncated(`${value}`);
    return Number(value);
  }

  async uint64(): Promise<bigint> {
    return (await this.#take(8)).readBigUInt64LE();
  }

  async text(lengthBytes: number): Promise<string> {
    return (await this.#take(lengthBytes)).toString('utf8');
  }

  skip(lengthBytes: number): void {
    this.#position += lengthBytes;
    if (this.#position > this.#sizeBytes) throw this.#truncated(`${this.#position}`);
  }

  /** Goes past texts, each after its length: hundreds of thousands in a vocabulary, so without a promise for each. */
  async skipTexts(count: number): Promise<void> {
    let left = count;
    while (left > 0) {
      await this.#fill(8);
      let at = this.#position - this.#viewStart;
      while (left > 0 && at + 8 <= this.#view.length) {
        at += 8 + this.#view.readUInt32LE(at) + this.#view.readUInt32LE(at + 4) * 2 ** 32;
        left -= 1;
      }
      this.skip(this.#viewStart + at - this.#position);
    }
  }

  /** The next bytes, valid until the next read; at most a chunk. */
  async #take(lengthBytes: number): Promise<Buffer> {
    await this.#fill(lengthBytes);
    const at = this.#position - this.#viewStart;
    this.#position += lengthBytes;
    return this.#view.subarray(at, at + lengthBytes);
  }

  async #fill(lengthBytes: number): Promise<void> {
    const end = this.#position + lengthBytes;
    if (end > this.#sizeBytes) throw this.#truncated(`${end}`);
    if (this.#position >= this.#viewStart && end <= this.#viewStart + this.#view.length) return;
    const bytesRead = await this.#file.read(this.#chunk, this.#position);
    if (bytesRead < lengthBytes) throw this.#truncated(`${end}`);
    this.#view = this.#chunk.subarray(0, bytesRead);
    this.#viewStart = this.#position;
  }

  #truncated(needed: string): Error {
    return new Error(
      `the file is truncated or garbage: expected at least ${needed} bytes, got ${this.#sizeBytes}`,
    );
  }
}

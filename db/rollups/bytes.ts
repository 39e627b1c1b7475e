/** Grows as it is written to. Numbers are LEB128: seven bits a byte, the lowest first (dwarfstd.org, 7.6). */
export class ByteWriter {
  #buffer = Buffer.allocUnsafe(4096);
  #length = 0;

  /** A whole number from 0 to 2^53 - 1. */
  varint(value: number): void {
    this.#ensure(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#length++] = rest;
  }

  float(value: number): void {
    this.#ensure(8);
    this.#length = this.#buffer.writeDoubleLE(value, this.#length);
  }

  /** A copy of what was written; the writer begins anew. */
  take(): Buffer {
    const bytes = Buffer.from(this.#buffer.subarray(0, this.#length));
    this.#length = 0;
    return bytes;
  }

  #ensure(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(this.#buffer.length * 2);
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** Reads what ByteWriter wrote, or a part of it. Past the end it throws. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at: number;
  #end: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#at = 0;
    this.#end = bytes.length;
  }

  /** Ends after `length` bytes more; what comes then is read by `next()`. */
  only(length: number): this {
    this.#end = this.#at + length;
    if (this.#end > this.#bytes.length) throw cutOff();
    return this;
  }

  /** Goes on behind the part that `only()` has named. */
  next(): void {
    this.#at = this.#end;
    this.#end = this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const next = this.#at < this.#end ? this.#bytes[this.#at++] : undefined;
      if (next === undefined) throw cutOff();
      value += (next & 0x7f) * scale;
      if (next < 0x80) return value;
    }
  }

  /** Adds `count` numbers to those of `sums` from `from` on. Most are of one byte: the one loop in which reports spend their time. */
  addVarints(sums: Float64Array, from: number, count: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = from; index < from + count; index += 1) {
      const next = bytes[at] ?? 0x80;
      if (next < 0x80) {
        sums[index] = (sums[index] ?? 0) + next;
        at += 1;
        continue;
      }
      this.#at = at;
      sums[index] = (sums[index] ?? 0) + this.varint();
      at = this.#at;
    }
    this.#at = at;
  }

  float(): number {
    const value = this.#bytes.readDoubleLE(this.#at);
    this.#at += 8;
    return value;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }
}

function cutOff(): Error {
  return new Error('Cannot read a roll-up: it ends too early');
}

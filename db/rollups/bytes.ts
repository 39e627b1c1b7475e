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

/** Sums by place, which make room for themselves: `place` is at `at(place)` of what `room` gave. */
export interface RunSums {
  room(place: number, length: number): Float64Array;
  at(place: number): number;
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

  /**
   * Adds runs of numbers to `sums`, or takes them away (-1): each begins `gap` places behind the end of the one before, the first one behind `from`. Gap and
   * length come before the numbers. Most numbers are of one byte: here reports spend their time.
   */
  addRuns(runs: number, from: number, sums: RunSums, sign: 1 | -1): void {
    const bytes = this.#bytes;
    let end = from;
    for (let left = runs; left > 0; left -= 1) {
      const first = end + this.varint();
      const length = this.varint();
      end = first + length;
      const into = sums.room(first, length);
      let at = this.#at;
      let index = sums.at(first);
      for (const last = index + length; index < last; index += 1) {
        const next = bytes[at] ?? 0x80;
        if (next < 0x80) {
          into[index] = (into[index] ?? 0) + sign * next;
          at += 1;
          continue;
        }
        this.#at = at;
        into[index] = (into[index] ?? 0) + sign * this.varint();
        at = this.#at;
      }
      this.#at = at;
    }
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

/** Time cut into equal spans, to add up over and to integrate over in constant time for each interval. */
export class Bins {
  readonly widthMs: number;
  readonly #count: number;
  /** Bytes from the start of a bin on, as changes. */
  readonly #whole: Float64Array;
  /** Byte-milliseconds of bins that an interval covers in part. */
  readonly #part: Float64Array;

  constructor(endMs: number, count: number) {
    this.widthMs = Math.max(1, endMs) / count;
    this.#count = count;
    this.#whole = new Float64Array(count + 1);
    this.#part = new Float64Array(count);
  }

  clear(): void {
    this.#whole.fill(0);
    this.#part.fill(0);
  }

  add(fromMs: number, untilMs: number, bytes: number): void {
    const first = this.#binOf(fromMs);
    const last = this.#binOf(untilMs);
    const part = this.#part;
    if (first === last) {
      part[first] = (part[first] ?? 0) + bytes * (untilMs - fromMs);
      return;
    }
    part[first] = (part[first] ?? 0) + bytes * ((first + 1) * this.widthMs - fromMs);
    part[last] = (part[last] ?? 0) + bytes * (untilMs - last * this.widthMs);
    const whole = this.#whole;
    whole[first + 1] = (whole[first + 1] ?? 0) + bytes;
    whole[last] = (whole[last] ?? 0) - bytes;
  }

  /** Byte-milliseconds of each bin. */
  sums(): Float64Array {
    let bytes = 0;
    return this.#part.map((part, bin) => {
      bytes += this.#whole[bin] ?? 0;
      return part + bytes * this.widthMs;
    });
  }

  /** Of a function that is constant in each bin: its integral up to the start of each. */
  integral(values: Float64Array): Float64Array {
    const upTo = new Float64Array(this.#count + 1);
    for (const [bin, value] of values.entries()) upTo[bin + 1] = (upTo[bin] ?? 0) + value * this.widthMs;
    return upTo;
  }

  /** The integral up to a time. */
  at(upTo: Float64Array, values: Float64Array, atMs: number): number {
    const bin = this.#binOf(atMs);
    return (upTo[bin] ?? 0) + (values[bin] ?? 0) * (atMs - bin * this.widthMs);
  }

  #binOf(atMs: number): number {
    return Math.min(this.#count - 1, Math.floor(atMs / this.widthMs));
  }
}

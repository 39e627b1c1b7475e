import { DDSketch } from '@datadog/sketches-js';

/**
 * Bound of a percentile's relative error (Masson, Rim, Lee, "DDSketch", VLDB 2019). Half of what is promised, and part of the
 * format: sketches of another accuracy cannot be added to these.
 */
const RELATIVE_ACCURACY = 0.005;

/** Values below are counted as nothing: a nanosecond, which no clock of ours tells from it. */
const LEAST_MS = 1e-6;

/** A distribution of milliseconds that can be added to another one. */
export class Sketch {
  readonly #inner = new DDSketch({ relativeAccuracy: RELATIVE_ACCURACY });
  sumMs = 0;

  add(ms: number): void {
    this.sumMs += ms;
    this.#inner.accept(ms < LEAST_MS ? 0 : ms);
  }

  get count(): number {
    return this.#inner.count;
  }

  get zeroes(): number {
    return this.#inner.zeroCount;
  }

  /** The value at `floor(p * (count - 1))` of all values in order, within 0.5%. Not for an empty one. */
  quantile(p: number): number {
    return this.#inner.getValueAtQuantile(p);
  }

  /** Adds `count` values of a bin. The library's own merge loses its way when a store's last key is 0 (values of 1 ms). */
  addBin(key: number, count: number): void {
    this.#inner.store.add(key, count);
    this.#inner.count += count;
  }

  addZeroes(count: number): void {
    this.#inner.zeroCount += count;
    this.#inner.count += count;
  }

  /** The bins that hold something, by rising key. */
  eachBin(visit: (key: number, count: number) => void): void {
    const { bins, offset } = this.#inner.store;
    for (const [index, count] of bins.entries()) if (count > 0) visit(index + offset, count);
  }
}

import { DDSketch } from '@datadog/sketches-js';

/**
 * Bound of a percentile's relative error (Masson, Rim, Lee, "DDSketch", VLDB 2019). Below the 1% that is promised, and part of
 * the format: sketches of another accuracy cannot be added to these.
 */
const RELATIVE_ACCURACY = 0.009;

/** Values below are counted as nothing: a nanosecond, which no clock of ours tells from it. */
const LEAST_MS = 1e-6;

const { mapping } = new DDSketch({ relativeAccuracy: RELATIVE_ACCURACY });

/** The key of the bin that a value goes to; null: it is nothing. */
export function keyOf(ms: number): number | null {
  return ms < LEAST_MS ? null : mapping.key(ms);
}

const values = new Map<number, number>();

/** What a bin's values are taken to be, in milliseconds. */
function valueOf(key: number): number {
  let value = values.get(key);
  if (value === undefined) {
    value = mapping.value(key);
    values.set(key, value);
  }
  return value;
}

/** No value has a lower key. */
export const LEAST_KEY = mapping.key(LEAST_MS);

/** Beyond every key. */
const FAR = 2 ** 29;

/** Least room that is made at one time beyond what is needed, in bins. */
const LEAST_SPARE = 32;

/**
 * A distribution of milliseconds that can be added to another one: DDSketch's bins in an array, without its objects, since a
 * report adds up a hundred thousand of them. Keys and percentiles are the library's.
 */
export class Sketch {
  sumMs = 0;
  zeroes = 0;
  #bins = new Float64Array(0);
  /** Key of the first bin. */
  #offset = 0;
  /** All bins that are not 0 have keys from the one on and before the other. */
  #from = FAR;
  #to = -FAR;

  /** A sign of -1 takes the value away. */
  add(key: number | null, ms: number, sign: 1 | -1 = 1): void {
    this.sumMs += sign * ms;
    if (key === null) this.zeroes += sign;
    else {
      const bins = this.room(key, 1);
      const at = key - this.#offset;
      bins[at] = (bins[at] ?? 0) + sign;
    }
  }

  /** The bins, with room for `length` of them from `key` on, which is at `at(key)`. Good until the next call. */
  room(key: number, length: number): Float64Array {
    const bins = this.#bins;
    if (key < this.#from) this.#from = key;
    if (key + length > this.#to) this.#to = key + length;
    if (key >= this.#offset && key + length <= this.#offset + bins.length) return bins;
    return this.#grow(key, key + length);
  }

  at(key: number): number {
    return key - this.#offset;
  }

  #grow(first: number, end: number): Float64Array {
    const isEmpty = this.#bins.length === 0;
    const spare = Math.max(LEAST_SPARE, this.#bins.length >> 1);
    const known = this.#offset + this.#bins.length;
    const offset = isEmpty || first < this.#offset ? first - spare : this.#offset;
    const until = isEmpty || end > known ? end + spare : known;
    const larger = new Float64Array(until - offset);
    if (!isEmpty) larger.set(this.#bins, this.#offset - offset);
    this.#offset = offset;
    this.#bins = larger;
    return larger;
  }

  /** How many values there are. */
  get count(): number {
    const bins = this.#bins;
    const end = this.at(this.#to);
    let count = this.zeroes;
    for (let at = this.at(this.#from); at < end; at += 1) count += bins[at] ?? 0;
    return count;
  }

  /**
   * The values at `floor(p * (count - 1))` of all in order, counted from 0, for rising `ps`: as the library's getValueAtQuantile().
   * `count` is this sketch's.
   */
  quantiles(ps: readonly number[], count: number): number[] {
    const bins = this.#bins;
    const last = this.at(this.#to) - 1;
    let at = this.at(this.#from) - 1;
    let upTo = this.zeroes;
    return ps.map((p) => {
      const rank = p * (count - 1);
      if (rank < this.zeroes) return 0;
      while (upTo <= rank && at < last) {
        at += 1;
        upTo += bins[at] ?? 0;
      }
      return valueOf(at + this.#offset);
    });
  }

  /** Takes all values out, and keeps the room. */
  clear(): void {
    this.sumMs = 0;
    this.zeroes = 0;
    if (this.#from < this.#to) this.#bins.fill(0, this.at(this.#from), this.at(this.#to));
    this.#from = FAR;
    this.#to = -FAR;
  }

  /** Stretches of bins with no more than a few empty ones in them, by rising key. `[from, to)` of `bins`. */
  eachRun(visit: (key: number, bins: Float64Array, from: number, to: number) => void): void {
    const bins = this.#bins;
    let from = 0;
    while (from < bins.length) {
      if (bins[from] === 0) {
        from += 1;
        continue;
      }
      const to = endOfRun(bins, from);
      visit(from + this.#offset, bins, from, to);
      from = to;
    }
  }
}

/** An empty bin in a run costs a byte, a run of its own two. */
const MOST_EMPTY = 2;

function endOfRun(bins: Float64Array, from: number): number {
  let end = from + 1;
  for (let at = end; at < bins.length && at - end <= MOST_EMPTY; at += 1) if (bins[at] !== 0) end = at + 1;
  return end;
}

import type { Counter, Measure, MeasureStats } from '../../gateway/domain/reportFigures.ts';
import { type ByteReader, ByteWriter } from './bytes.ts';
import { keyOf, LEAST_KEY, Sketch } from './sketch.ts';

/** Their places are the format of stored cells: add at the end, never reorder. */
export const COUNTERS = [
  'answered',
  'failedByClient',
  'failedByGateway',
  'failedByRunner',
  'aborted',
  'promptTokens',
  'cachedTokens',
  'completionTokens',
  'responseBytes',
  'costMicroUsd',
  'stagedBytes',
  'uploadBytes',
  'inputMicroUsd',
  'cachedMicroUsd',
  'outputMicroUsd',
  'runnerMicroUsd',
  'deviceMicroUsd',
  'startMicroUsd',
] as const satisfies readonly Counter[];

/** The same goes for them. */
export const MEASURES = [
  'ttft',
  'tpot',
  'total',
  'queue',
  'spawn',
  'stage',
  'load',
  'attach',
  'context',
  'prefill',
  'decode',
  'start',
  'staged',
  'download',
  'read',
  'decrypt',
  'verify',
  'upload',
] as const satisfies readonly Measure[];

const VERSION = 1;
const PERCENTILES = [0.5, 0.9, 0.95, 0.99];
const COUNTER_AT = placesOf(COUNTERS);
const OUTCOMES_AT = (
  ['answered', 'failedByClient', 'failedByGateway', 'failedByRunner', 'aborted'] as const
).map((outcome) => COUNTER_AT[outcome]);
const MEASURE_AT = placesOf(MEASURES);
const writer = new ByteWriter();

function placesOf<N extends string>(names: readonly N[]): Readonly<Record<N, number>> {
  return Object.fromEntries(names.map((name, at) => [name, at])) as Record<N, number>;
}

/** Takes what one request adds. */
export interface FactsSink {
  count(counter: Counter, amount: number): void;
  /** null: it was not measured. */
  measure(measure: Measure, ms: number | null): void;
}

/** What one request adds to a cell, worked out once for all of its cells. */
export class Facts implements FactsSink {
  readonly counts: (readonly [at: number, amount: number])[] = [];
  readonly times: (readonly [at: number, key: number | null, ms: number])[] = [];

  count(counter: Counter, amount: number): void {
    if (amount !== 0) this.counts.push([COUNTER_AT[counter], amount]);
  }

  measure(measure: Measure, ms: number | null): void {
    if (ms !== null) this.times.push([MEASURE_AT[measure], keyOf(ms), ms]);
  }
}

/** Sums and distributions of some requests, which can be added to those of others. */
export class Cell implements FactsSink {
  readonly #counters = new Float64Array(COUNTERS.length);
  readonly #sketches: (Sketch | undefined)[] = [];

  add({ counts, times }: Facts): void {
    for (const [at, amount] of counts) this.#counters[at] = (this.#counters[at] ?? 0) + amount;
    for (const [at, key, ms] of times) this.#sketch(at).add(key, ms);
  }

  /** With a sign of -1 what is told is taken away; the same goes for `addEncoded`. */
  sign: 1 | -1 = 1;

  count(counter: Counter, amount: number): void {
    const at = COUNTER_AT[counter];
    this.#counters[at] = (this.#counters[at] ?? 0) + this.sign * amount;
  }

  measure(measure: Measure, ms: number | null): void {
    if (ms !== null) this.#sketch(MEASURE_AT[measure]).add(keyOf(ms), ms, this.sign);
  }

  /** Whether it is of no request: each has an outcome. */
  get isEmpty(): boolean {
    return OUTCOMES_AT.every((at) => this.#counters[at] === 0);
  }

  /** Those that are not 0. */
  counters(): Partial<Record<Counter, number>> {
    const counters: Partial<Record<Counter, number>> = {};
    for (const [at, name] of COUNTERS.entries()) {
      const amount = this.#counters[at] ?? 0;
      if (amount !== 0) counters[name] = amount;
    }
    return counters;
  }

  /** Those that have values. */
  measures(): Partial<Record<Measure, MeasureStats>> {
    const measures: Partial<Record<Measure, MeasureStats>> = {};
    for (const [at, name] of MEASURES.entries()) {
      const sketch = this.#sketches[at];
      const count = sketch?.count ?? 0;
      if (sketch && count > 0) measures[name] = statsOf(sketch, count);
    }
    return measures;
  }

  encode(): Buffer {
    writer.varint(VERSION);
    const counted = [...this.#counters.entries()].filter(([, amount]) => amount !== 0);
    writer.varint(counted.length);
    for (const [at, amount] of counted) {
      writer.varint(at);
      writer.varint(amount);
    }
    // A cell that was cleared has sketches of nothing.
    for (const [at, sketch] of this.#sketches.entries()) if (sketch?.count) writeSketch(at, sketch);
    return writer.take();
  }

  /** Adds what `encode()` wrote. Throws when it is of a newer version or cut off. */
  addEncoded(reader: ByteReader): void {
    const version = reader.varint();
    if (version !== VERSION) throw new Error(`Cannot read a roll-up: expected version 1, got ${version}`);
    for (let left = reader.varint(); left > 0; left -= 1) {
      const at = reader.varint();
      this.#counters[at] = (this.#counters[at] ?? 0) + this.sign * reader.varint();
    }
    while (!reader.isAtEnd) readSketch(reader, this.#sketch(reader.varint()), this.sign);
  }

  /** Takes everything out, and keeps the room for what is added next. */
  clear(): void {
    this.#counters.fill(0);
    for (const sketch of this.#sketches) sketch?.clear();
  }

  #sketch(at: number): Sketch {
    this.#sketches[at] ??= new Sketch();
    return this.#sketches[at];
  }
}

/** Its place, sum and zeroes; then runs of bins, each as the keys between it and the one before, its length, and its counts. */
function writeSketch(at: number, sketch: Sketch): void {
  writer.varint(at);
  writer.float(sketch.sumMs);
  writer.varint(sketch.zeroes);
  let runs = 0;
  sketch.eachRun(() => {
    runs += 1;
  });
  writer.varint(runs);
  let end = LEAST_KEY;
  sketch.eachRun((key, bins, from, to) => {
    writer.varint(key - end);
    writer.varint(to - from);
    for (let bin = from; bin < to; bin += 1) writer.varint(bins[bin] ?? 0);
    end = key + to - from;
  });
}

function readSketch(reader: ByteReader, into: Sketch, sign: 1 | -1): void {
  into.sumMs += sign * reader.float();
  into.zeroes += sign * reader.varint();
  reader.addRuns(reader.varint(), LEAST_KEY, into, sign);
}

function statsOf(sketch: Sketch, count: number): MeasureStats {
  const [p50 = 0, p90 = 0, p95 = 0, p99 = 0] = sketch.quantiles(PERCENTILES, count);
  return { count, sum: sketch.sumMs, p50, p90, p95, p99 };
}

import type { Counter, Measure, MeasureStats } from '../../gateway/domain/reportFigures.ts';
import { type ByteReader, ByteWriter } from './bytes.ts';
import { Sketch } from './sketch.ts';

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
/** Keys of bins may be negative (below 1 ms), and are at least this. */
const LEAST_KEY = -4096;
const writer = new ByteWriter();

/** Sums and distributions of some requests, which can be added to those of others. */
export class Cell {
  readonly #counters = new Float64Array(COUNTERS.length);
  readonly #sketches: (Sketch | undefined)[] = [];

  count(counter: Counter, amount: number): void {
    const at = COUNTERS.indexOf(counter);
    this.#counters[at] = (this.#counters[at] ?? 0) + amount;
  }

  measure(measure: Measure, ms: number | null): void {
    if (ms !== null) this.#sketch(MEASURES.indexOf(measure)).add(ms);
  }

  counters(): Partial<Record<Counter, number>> {
    return Object.fromEntries(COUNTERS.map((name, at) => [name, this.#counters[at] ?? 0]));
  }

  measures(): Partial<Record<Measure, MeasureStats>> {
    const entries = MEASURES.flatMap((name, at) => {
      const sketch = this.#sketches[at];
      return sketch ? [[name, statsOf(sketch)] as const] : [];
    });
    return Object.fromEntries(entries);
  }

  encode(): Buffer {
    writer.byte(VERSION);
    const counted = [...this.#counters.entries()].filter(([, amount]) => amount !== 0);
    writer.varint(counted.length);
    for (const [at, amount] of counted) {
      writer.varint(at);
      writer.varint(amount);
    }
    for (const [at, sketch] of this.#sketches.entries()) if (sketch) writeSketch(at, sketch);
    return writer.take();
  }

  /** Adds what `encode()` wrote. Throws when it is of a newer version or cut off. */
  addEncoded(reader: ByteReader): void {
    const version = reader.byte();
    if (version !== VERSION) throw new Error(`Cannot read a roll-up: expected version 1, got ${version}`);
    for (let left = reader.varint(); left > 0; left -= 1) {
      const at = reader.varint();
      this.#counters[at] = (this.#counters[at] ?? 0) + reader.varint();
    }
    while (!reader.isAtEnd) readSketch(reader, this.#sketch(reader.varint()));
  }

  #sketch(at: number): Sketch {
    this.#sketches[at] ??= new Sketch();
    return this.#sketches[at];
  }
}

function writeSketch(at: number, sketch: Sketch): void {
  writer.varint(at);
  writer.float(sketch.sumMs);
  writer.varint(sketch.zeroes);
  let bins = 0;
  sketch.eachBin(() => {
    bins += 1;
  });
  writer.varint(bins);
  let before = LEAST_KEY;
  sketch.eachBin((key, count) => {
    writer.varint(key - before);
    writer.varint(count);
    before = key;
  });
}

function readSketch(reader: ByteReader, into: Sketch): void {
  into.sumMs += reader.float();
  into.addZeroes(reader.varint());
  let key = LEAST_KEY;
  for (let left = reader.varint(); left > 0; left -= 1) {
    key += reader.varint();
    into.addBin(key, reader.varint());
  }
}

function statsOf(sketch: Sketch): MeasureStats {
  const [p50, p90, p95, p99] = [0.5, 0.9, 0.95, 0.99].map((p) => sketch.quantile(p)) as [
    number,
    number,
    number,
    number,
  ];
  return { count: sketch.count, sum: sketch.sumMs, p50, p90, p95, p99 };
}

import { DDSketch } from '@datadog/sketches-js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader } from '../../db/rollups/bytes.ts';
import { Cell, Facts } from '../../db/rollups/cell.ts';
import { eachLine, packOf } from '../../db/rollups/pack.ts';
import { keyOf, Sketch } from '../../db/rollups/sketch.ts';
import { exactQuantile } from './exactQuantile.ts';

const PERCENTILES = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 } as const;

/** Durations as they occur: nothing, below a microsecond, around 1 ms (the library's key 0), hours. */
const duration = fc.oneof(
  fc.constantFrom(0, 1, 1.0000001, 0.9999999, 1e-7),
  fc.double({ min: 0, max: 10, noNaN: true }),
  fc.double({ min: 0, max: 1e7, noNaN: true }),
);

function cellOf(values: readonly number[]): Cell {
  const cell = new Cell();
  for (const value of values) {
    const facts = new Facts();
    facts.measure('total', value);
    facts.count('answered', 1);
    facts.count('promptTokens', Math.trunc(value));
    cell.add(facts);
  }
  return cell;
}

function expectWithin(found: number, exact: number, share: number): void {
  // Below a nanosecond values count as nothing.
  expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact * share + 1e-6);
}

describe('Cell', () => {
  test('keeps percentiles within 1% of the exact ones, however its values were split and stored', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(duration, { maxLength: 60 }), { minLength: 1, maxLength: 8 }),
        (parts) => {
          const merged = new Cell();
          for (const part of parts) merged.addEncoded(new ByteReader(cellOf(part).encode()));
          const values = parts.flat();
          const stats = merged.measures().total;
          if (values.length === 0) {
            expect(stats).toBeUndefined();
            return;
          }
          expect(stats?.count).toBe(values.length);
          expect(stats?.sum).toBeCloseTo(
            values.reduce((sum, value) => sum + value, 0),
            3,
          );
          for (const [name, p] of Object.entries(PERCENTILES))
            expectWithin(stats?.[name as 'p50'] ?? Number.NaN, exactQuantile(values, p), 0.01);
        },
      ),
    );
  });

  test('is the same in whatever order its parts are added', () => {
    fc.assert(
      fc.property(fc.array(duration), fc.array(duration), (left, right) => {
        const [a, b] = [cellOf(left).encode(), cellOf(right).encode()];
        const sums = [
          [a, b],
          [b, a],
        ].map((parts) => {
          const cell = new Cell();
          for (const part of parts) cell.addEncoded(new ByteReader(part));
          return cell;
        });
        const { sum: _first, ...one } = sums[0]?.measures().total ?? {};
        const { sum: _second, ...other } = sums[1]?.measures().total ?? {};
        expect(one).toEqual(other);
        expect(sums[0]?.counters()).toEqual(sums[1]?.counters());
      }),
    );
  });

  test('keeps counters exact up to the largest whole number', () => {
    const amounts = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER];
    for (const amount of amounts) {
      const facts = new Facts();
      facts.count('costMicroUsd', amount);
      const cell = new Cell();
      cell.add(facts);
      const read = new Cell();
      read.addEncoded(new ByteReader(cell.encode()));
      expect(read.counters().costMicroUsd ?? 0).toBe(amount);
    }
  });

  test('refuses what is cut off, and what a newer version wrote', () => {
    const encoded = cellOf([1, 2, 3]).encode();
    const cut = encoded.subarray(0, encoded.length - 1);
    expect(() => new Cell().addEncoded(new ByteReader(cut))).toThrow('it ends too early');
    const newer = Buffer.from(encoded);
    newer[0] = 2;
    expect(() => new Cell().addEncoded(new ByteReader(newer))).toThrow('expected version 1, got 2');
  });
});

describe('packOf()', () => {
  test('gives back every cell of it, whatever was read of the one before', () => {
    const values = [[1, 2], [], [5000]];
    const pack = packOf(values.map((own, index) => [index * 300, cellOf(own).encode()] as const));
    const found: [number, number | undefined][] = [];
    eachLine(pack, (seriesId, data) => {
      if (seriesId === 0) return;
      const cell = new Cell();
      cell.addEncoded(data);
      found.push([seriesId, cell.measures().total?.count]);
    });
    expect(found).toEqual([
      [300, undefined],
      [600, 1],
    ]);
    expect(() => eachLine(pack.subarray(0, -1), () => {})).toThrow('it ends too early');
  });
});

describe('Sketch', () => {
  test('quantiles() gives what the library gives of the same values, also after clear()', () => {
    const ps = Object.values(PERCENTILES);
    const sketch = new Sketch();
    fc.assert(
      fc.property(fc.array(duration, { minLength: 1, maxLength: 80 }), (values) => {
        sketch.clear();
        const library = new DDSketch({ relativeAccuracy: 0.009 });
        for (const value of values) {
          sketch.add(keyOf(value), value);
          library.accept(value);
        }
        const exact = ps.map((p) => library.getValueAtQuantile(p));
        expect(sketch.count).toBe(values.length);
        // What is below a nanosecond is nothing here.
        for (const [index, found] of sketch.quantiles(ps, sketch.count).entries())
          expect(Math.abs(found - (exact[index] ?? Number.NaN))).toBeLessThanOrEqual(1e-6);
      }),
    );
  });

  test('has every value in one run, whether they come from above or from below', () => {
    const values = [5, 0.5, 1, 200, 0.001, 5];
    for (const order of [values, values.toReversed()]) {
      const sketch = new Sketch();
      for (const value of order) sketch.add(keyOf(value), value);
      const found = new Map<number, number>();
      sketch.eachRun((key, bins, from, to) => {
        for (let bin = from; bin < to; bin += 1) if (bins[bin]) found.set(key + bin - from, bins[bin] ?? 0);
      });
      const expected = new Map<number, number>();
      for (const value of values) expected.set(keyOf(value) ?? 0, (expected.get(keyOf(value) ?? 0) ?? 0) + 1);
      expect([...found].sort()).toEqual([...expected].sort());
      expect(sketch.count).toBe(values.length);
    }
  });
});

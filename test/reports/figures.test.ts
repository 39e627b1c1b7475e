import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Dimension, ReportGroup } from '../../gateway/domain/reportFigures.ts';
import { durationsOf, inOrder, labelsOf, percentilesOf, shareOf } from '../../gateway/reports/figures.ts';

test('percentilesOf() gives the nearest number of four digits', () => {
  const value = fc.oneof(
    fc.double({ min: 0, max: 1e10, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 1, max: 10_000, noNaN: true }),
    fc.integer({ min: 0, max: 200_000 }),
    fc.constantFrom(0, 1e-9, 0.001, 9.9995, 999.95, 12_345, 99_995, 1e12),
  );
  fc.assert(
    fc.property(value, (ms) => {
      const { p50 } = percentilesOf({ count: 1, sum: ms, p50: ms, p90: ms, p95: ms, p99: ms });
      expect(p50).toBe(Number(p50?.toPrecision(4)));
      // What lies between two of them may go either way.
      const unit = ms > 0 ? 10 ** (Math.floor(Math.log10(ms)) - 3) : 0;
      expect(Math.abs((p50 ?? Number.NaN) - ms)).toBeLessThanOrEqual((unit / 2) * (1 + 1e-9));
    }),
    { numRuns: 2000, examples: [[9.9995], [0]] },
  );
});

test('durationsOf() has the sum to the microsecond, and nothing of nothing', () => {
  expect(durationsOf({ count: 2, sum: 10.000_49, p50: 4, p90: 6, p95: 6, p99: 6 })).toEqual({
    count: 2,
    sum: 10,
    p50: 4,
    p90: 6,
    p95: 6,
    p99: 6,
  });
  expect(durationsOf(undefined)).toEqual({ count: 0, sum: 0, p50: null, p90: null, p95: null, p99: null });
});

test('shareOf() has four places, and is null of nothing', () => {
  expect(shareOf(1, 3)).toBe(0.3333);
  expect(shareOf(0, 3)).toBe(0);
  expect(shareOf(0, 0)).toBeNull();
});

test('labelsOf() tells hours as times and days as dates, in the order that was asked for', () => {
  const at = Date.UTC(2026, 10, 28, 13);
  const labels = labelsOf({ day: at, hour: at, combo: 'tiny', joined: true }, [
    'hour',
    'day',
    'combo',
    'key',
  ]);
  expect(Object.entries(labels)).toEqual([
    ['hour', '2026-11-28T13:00:00Z'],
    ['day', '2026-11-28'],
    ['combo', 'tiny'],
    ['key', null],
  ]);
});

describe('inOrder()', () => {
  const ordered = (groupBy: readonly Dimension[], ...all: ReportGroup['by'][]) =>
    inOrder(
      all.map((by) => ({ by })),
      groupBy,
    ).map(({ by }) => groupBy.map((dimension) => by[dimension] ?? null));

  test('has texts by code units, and null last, wherever it stands', () => {
    const names = ['b', null, 'a', 'B', null, 'c'];
    expect(ordered(['combo'], ...names.map((combo) => ({ combo })))).toEqual(
      ['B', 'a', 'b', 'c', null, null].map((name) => [name]),
    );
    expect(ordered(['combo'], { combo: 'a' }, { combo: null })).toEqual([['a'], [null]]);
    expect(ordered(['combo'], { combo: null }, { combo: 'a' })).toEqual([['a'], [null]]);
  });

  test('has kinds of a start from the fastest, and times from the oldest', () => {
    expect(
      ordered(['start_kind'], { start_kind: 'cold' }, { start_kind: 'warm' }, { start_kind: 'attach' }),
    ).toEqual([['warm'], ['attach'], ['cold']]);
    expect(ordered(['hour'], { hour: 20 }, { hour: 3 })).toEqual([[3], [20]]);
  });

  test('goes by the first label, then by the next', () => {
    expect(
      ordered(
        ['base', 'combo'],
        { base: 'b', combo: 'x' },
        { base: 'a', combo: 'z' },
        { base: 'a', combo: 'y' },
      ),
    ).toEqual([
      ['a', 'y'],
      ['a', 'z'],
      ['b', 'x'],
    ]);
  });
});

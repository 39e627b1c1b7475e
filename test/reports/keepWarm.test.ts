import { describe, expect, test } from 'vitest';
import { FREE, type PriceBook, type Rates } from '../../gateway/domain/prices.ts';
import type { RecordedArrivals, RecordedStarts } from '../../gateway/domain/recordedArrivals.ts';
import {
  type KeepWarmTerms,
  keepWarmColumns,
  keepWarmRows,
  type Replayable,
  replayableOf,
} from '../../gateway/reports/keepWarm.ts';
import type { TtlPoint } from '../../gateway/reports/replay/ttlCurve.ts';
import { catalogueModel, catalogueOf } from '../fakes/catalogues.ts';
import { pathsOf } from './builders.ts';

const HOUR_MS = 3_600_000;
const GB = 1e9;

/** A combo whose base is what its name begins with: four starts, 0.05 USD and 5 s of waiting in all. */
const starts = (combo: string, changes: Partial<RecordedStarts> = {}): RecordedStarts => ({
  combo,
  base: combo.split('+')[0] ?? '',
  requests: 10,
  starts: 4,
  waitedMs: 5000,
  startMicroUsd: 50_000,
  baseMs: 990,
  attachMs: 20,
  ...changes,
});

describe('replayableOf()', () => {
  /** Arrivals as `[combo, at, duration]`, the combo by its place in `combos`. */
  const recorded = (
    combos: readonly RecordedStarts[],
    arrivals: readonly (readonly [number, number, number])[] = [],
  ): RecordedArrivals => ({
    found: arrivals.length,
    combos,
    atEpochMs: Float64Array.from(arrivals, ([, at]) => at),
    combo: Uint32Array.from(arrivals, ([combo]) => combo),
    durationMs: Float64Array.from(arrivals, ([, , duration]) => duration),
  });
  const catalogue = catalogueOf([
    catalogueModel('big', {
      weightBytes: 4 * GB,
      kvBytesPerToken: 1000,
      contextTokens: 2048,
      sequences: 3,
      computeBytes: 5_000_000,
    }),
    catalogueModel('small', { weightBytes: 1_000_000, sequences: 1 }),
  ]);

  test('has sizes of the catalogue, and the times that starts took', () => {
    const { fleet } = replayableOf(
      recorded([starts('big'), starts('big+x', { attachMs: 30 })]),
      catalogue,
    ).trace;
    expect(fleet).toEqual({
      // 1000 B for each of 2048 tokens of three sequences are 6,144,000 B, and 5,000,000 B for computing.
      bases: [{ id: 'big', weightBytes: 4 * GB, loadMs: 990, contextBytes: 11_144_000, sequences: 3 }],
      combos: [
        { name: 'big', base: 0, attachMs: 20 },
        { name: 'big+x', base: 0, attachMs: 30 },
      ],
    });
  });

  test('takes a start without a record for one of 1 GB/s, 10 ms at least, and 10 ms to attach', () => {
    const none = { baseMs: null, attachMs: null };
    const { fleet } = replayableOf(recorded([starts('big', none), starts('small', none)]), catalogue).trace;
    expect(fleet.bases.map(({ loadMs }) => loadMs)).toEqual([4000, 10]);
    expect(fleet.combos.map(({ attachMs }) => attachMs)).toEqual([10, 10]);
  });

  test('takes a start that was recorded as none at all for that', () => {
    const nothing = { baseMs: 0, attachMs: 0 };
    const { fleet } = replayableOf(recorded([starts('big', nothing)]), catalogue).trace;
    expect([fleet.bases[0]?.loadMs, fleet.combos[0]?.attachMs]).toEqual([0, 0]);
  });

  test('leaves out what the catalogue has not any more, counts it, and begins with the first of the others', () => {
    const combos = [starts('gone'), starts('small'), starts('gone+x'), starts('big+x'), starts('small+y')];
    const {
      trace,
      combos: kept,
      leftOut,
    } = replayableOf(
      recorded(combos, [
        [0, 100, 1],
        [3, 1000, 2],
        [2, 1500, 3],
        [1, 1700, 4],
        [4, 1700, 5],
        [3, 2000, 6],
        [0, 2500, 7],
      ]),
      catalogue,
    );
    expect(kept).toEqual([combos[1], combos[3], combos[4]]);
    expect(leftOut).toBe(3);
    expect(trace.name).toBe('recorded');
    expect(trace.fleet.bases.map(({ id }) => id)).toEqual(['small', 'big']);
    expect(trace.fleet.combos.map(({ name, base }) => [name, base])).toEqual([
      ['small', 0],
      ['big+x', 1],
      ['small+y', 0],
    ]);
    expect([...trace.arrivals.combo]).toEqual([1, 0, 2, 1]);
    expect([...trace.arrivals.atMs]).toEqual([0, 700, 700, 1000]);
    expect([...trace.arrivals.durationMs]).toEqual([2, 4, 5, 6]);
  });

  test('has nothing to replay when the catalogue has nothing of it', () => {
    const { trace, combos, leftOut } = replayableOf(recorded([starts('gone')], [[0, 100, 1]]), catalogue);
    expect([trace.arrivals.atMs.length, trace.fleet.bases, combos, leftOut]).toEqual([0, [], [], 1]);
  });
});

/** 0.0001 USD for 1 GB of device memory and a second, and so 0.36 USD for an hour of it. */
const MEMORY = { deviceGbSecond: 0.0001 };
const START = { start: { attach: 0.001, wake: 0.002, staged: 0.01, cold: 0.02 } };
const book = (rates: Rates): PriceBook => ({ ...FREE, default: rates });

/** Each base has 4 GB of weights and 1 GB of context. */
function replayable(combos: readonly RecordedStarts[]): Replayable {
  const bases = [...new Set(combos.map(({ base }) => base))];
  return {
    trace: {
      name: 'recorded',
      fleet: {
        bases: bases.map((id) => ({ id, weightBytes: 4 * GB, loadMs: 1, contextBytes: GB, sequences: 1 })),
        combos: combos.map(({ combo, base }) => ({ name: combo, base: bases.indexOf(base), attachMs: 1 })),
      },
      arrivals: {
        atMs: Float64Array.from([0, 0.5 * HOUR_MS, 1.5 * HOUR_MS]),
        combo: new Uint32Array(3),
        durationMs: new Float64Array(3),
      },
    },
    combos,
    leftOut: 2,
  };
}

const NO_STARTS = { attach: 0, wake: 0, staged: 0, cold: 0 };
/** What the first combo comes to when it is let go after a minute. */
const point = (changes: Partial<TtlPoint> = {}): TtlPoint => ({
  combo: 0,
  ttlMs: 60_000,
  starts: NO_STARTS,
  waitedMs: 0,
  refused: 0,
  byteMs: 0,
  ...changes,
});
/** Held so many gigabytes for an hour, and begun cold so often. */
const held = (ttlMs: number | null, gbHours: number, cold: number): TtlPoint =>
  point({ ttlMs, byteMs: gbHours * GB * HOUR_MS, starts: { ...NO_STARTS, cold } });

const rowsOf = (
  combos: readonly RecordedStarts[],
  points: readonly TtlPoint[],
  terms: Partial<KeepWarmTerms> = {},
) =>
  keepWarmRows(replayable(combos), 12, points, {
    book: book({ ...MEMORY, ...START }),
    waitUsdPerSecond: 0,
    combo: null,
    ...terms,
  });

describe('keepWarmRows()', () => {
  test('tells what a time to live comes to, what was recorded, and what keeping it costs', () => {
    const spent = point({
      starts: { attach: 3, wake: 5, staged: 1, cold: 2 },
      waitedMs: 4500.6,
      refused: 6,
      byteMs: 5 * GB * HOUR_MS,
    });
    expect(rowsOf([starts('big')], [spent], { waitUsdPerSecond: 0.01 })).toEqual([
      {
        combo: 'big',
        ttl_s: 60,
        is_best: true,
        cold_starts: 11,
        waited_s: 4.501,
        warm_gb_hours: 5,
        // 1.8 USD of memory, 0.003 + 0.01 + 0.01 + 0.04 USD of starts, 0.045006 USD of waiting.
        cost_micro_usd: 1_908_006,
        memory_micro_usd: 1_800_000,
        start_micro_usd: 63_000,
        wait_micro_usd: 45_006,
        refused: 6,
        recorded: { requests: 10, cold_starts: 4, waited_s: 5, start_micro_usd: 50_000 },
        keep_warm: {
          gb: 5,
          micro_usd_per_hour: 1_800_000,
          // 0.05 USD of four starts and as much of 5 s of waiting: 0.025 USD each, 72 of which are 1.8 USD.
          break_even_starts_per_hour: 72,
        },
        replayed: { requests: 3, found: 12, left_out: 2, hours: 1.5 },
      },
    ]);
  });

  test('has null for the time to live of what is never let go by idleness, and 0 for one that is at once', () => {
    const rows = rowsOf([starts('big')], [held(0, 1, 2), held(null, 2, 1)]);
    expect(rows.map((row) => row.ttl_s)).toEqual([0, null]);
  });

  test('has hours and gigabytes to a few digits', () => {
    const [row] = rowsOf(
      [starts('big', { waitedMs: 1234.5678 })],
      [point({ byteMs: 1.234_567_8 * GB * HOUR_MS })],
    );
    expect(row).toMatchObject({ warm_gb_hours: 1.234_568, recorded: { waited_s: 1.235 } });
  });

  describe('takes for the best', () => {
    /** 0.36 USD for a gigabyte and an hour, 0.02 USD for a start. */
    const bestOf = (...points: TtlPoint[]) => rowsOf([starts('big')], points).map((row) => row.is_best);

    test('what costs least', () => {
      // 0.2, 0.14 and 0.38 USD.
      expect(bestOf(held(0, 0, 10), held(60_000, 1 / 3, 1), held(null, 1, 1))).toEqual([false, true, false]);
    });

    test('the shortest of equal ones', () => {
      expect(bestOf(held(0, 0, 10), held(60_000, 0.25, 1), held(300_000, 0.25, 1))).toEqual([
        false,
        true,
        false,
      ]);
    });

    test.each<[string, Rates, number]>([
      ['when memory has no price', START, 0.01],
      ['when neither starts nor waits have one', MEMORY, 0],
    ])('nothing %s', (_, rates, waitUsdPerSecond) => {
      const rows = rowsOf([starts('big')], [held(0, 0, 10), held(null, 1, 1)], {
        book: book(rates),
        waitUsdPerSecond,
      });
      expect(rows.map((row) => row.is_best)).toEqual([null, null]);
    });

    test.each<[string, Rates, number]>([
      ['waits alone', MEMORY, 0.1],
      ['one kind of start alone', { ...MEMORY, start: { wake: 0.1 } }, 0],
    ])('one of them when %s and memory have a price', (_, rates, waitUsdPerSecond) => {
      const waiting = point({ ttlMs: 0, waitedMs: 10_000, starts: { ...NO_STARTS, wake: 10 } });
      const rows = rowsOf([starts('big')], [waiting, held(null, 1, 0)], {
        book: book(rates),
        waitUsdPerSecond,
      });
      // A USD for the ten, or 0.36 USD for the memory.
      expect(rows.map((row) => row.is_best)).toEqual([false, true]);
    });
  });

  test('has the price of the combo: its model’s, and its adapters’ on top', () => {
    const prices: PriceBook = {
      ...FREE,
      default: { ...MEMORY, ...START },
      models: { big: { start: { cold: 0.03 } } },
      adapters: { x: { deviceGbSecond: 0.0002, start: { cold: 0.004 } } },
    };
    const [row] = rowsOf([starts('big+x')], [held(null, 1, 2)], { book: prices });
    expect(row).toMatchObject({
      memory_micro_usd: 1_080_000,
      start_micro_usd: 68_000,
      cost_micro_usd: 1_148_000,
      keep_warm: { micro_usd_per_hour: 5_400_000 },
    });
  });

  describe('has of keeping a combo', () => {
    const keptOf = (record: Partial<RecordedStarts>, terms: Partial<KeepWarmTerms> = {}) =>
      rowsOf([starts('big', record)], [point()], terms)[0]?.keep_warm;

    test('no cost while memory has no price', () => {
      expect(keptOf({}, { book: book(START) })).toEqual({
        gb: 5,
        micro_usd_per_hour: null,
        break_even_starts_per_hour: null,
      });
    });

    test('as many starts as cost the same by what was billed, to three digits', () => {
      // 0.02 USD each of three, of which 90 are 1.8 USD; and 0.07 USD of three.
      expect(keptOf({ starts: 3, startMicroUsd: 60_000 })).toMatchObject({ break_even_starts_per_hour: 90 });
      expect(keptOf({ starts: 3, startMicroUsd: 70_000 })).toMatchObject({
        break_even_starts_per_hour: 77.143,
      });
    });

    test('as many starts as cost the same by what clients waited, where none was billed', () => {
      // 10 s for each of two, at 0.01 USD: 0.1 USD each.
      const record = { starts: 2, startMicroUsd: 0, waitedMs: 20_000 };
      expect(keptOf(record, { waitUsdPerSecond: 0.01 })).toMatchObject({ break_even_starts_per_hour: 18 });
    });

    test.each<[string, Partial<RecordedStarts>]>([
      ['no start was recorded', { starts: 0, startMicroUsd: 0, waitedMs: 0 }],
      ['some have waited for a start from before', { starts: 0, startMicroUsd: 10, waitedMs: 900 }],
      ['starts cost nothing', { starts: 4, startMicroUsd: 0, waitedMs: 0 }],
    ])('no number of starts that costs the same when %s', (_, record) => {
      expect(keptOf(record, { waitUsdPerSecond: 0.01 })).toEqual({
        gb: 5,
        micro_usd_per_hour: 1_800_000,
        break_even_starts_per_hour: null,
      });
    });
  });

  describe('of several combos', () => {
    const combos = [starts('b'), starts('a+x', { requests: 7 }), starts('c'), starts('a')];
    const points = [0, null].flatMap((ttlMs) =>
      combos.map((_, combo) => point({ combo, ttlMs, refused: combo })),
    );
    const told = (combo: string | null) =>
      rowsOf(combos, points, { combo }).map((row) => [row.combo, row.ttl_s, row.refused]);

    test('has all times to live of one after the other, in the order of names', () => {
      expect(told(null)).toEqual([
        ['a', 0, 3],
        ['a', null, 3],
        ['a+x', 0, 1],
        ['a+x', null, 1],
        ['b', 0, 0],
        ['b', null, 0],
        ['c', 0, 2],
        ['c', null, 2],
      ]);
    });

    test('has the one that was asked for alone', () => {
      expect(told('a+x')).toEqual([
        ['a+x', 0, 1],
        ['a+x', null, 1],
      ]);
      expect(told('gone')).toEqual([]);
    });

    test('says of each row how much of everything was replayed, and what its own combo has in the ledger', () => {
      const rows = rowsOf(combos, points);
      for (const { replayed } of rows)
        expect(replayed).toEqual({ requests: 3, found: 12, left_out: 2, hours: 1.5 });
      expect(rows.map(({ recorded }) => (recorded as any).requests)).toEqual([10, 10, 7, 7, 10, 10, 10, 10]);
    });

    test('has no row of one that was not replayed', () => {
      expect(rowsOf(combos, [])).toEqual([]);
    });
  });
});

describe('keepWarmColumns()', () => {
  test('has a column for each figure of the rows', () => {
    const [row = {}] = rowsOf([starts('big')], [point()]);
    expect(keepWarmColumns()).toEqual(pathsOf(row));
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { type Trace, toArrivals } from '../../gateway/reports/replay/trace.ts';
import { type TtlPoint, ttlCurve } from '../../gateway/reports/replay/ttlCurve.ts';
import { SETTINGS } from '../pool/builders.ts';
import { type Asked, traceOf } from './replayBuilders.ts';

const MINUTE = 60_000;
const TTLS = [0, MINUTE, 60 * MINUTE, null];

const trace = (rows: readonly { atMs: number; combo: number; durationMs: number }[]): Trace => ({
  name: 'test',
  fleet: {
    bases: [{ id: 'base', weightBytes: 1e9, loadMs: 1000, contextBytes: 1e8, sequences: 2 }],
    combos: [
      { name: 'base', base: 0, attachMs: 10 },
      { name: 'base+a', base: 0, attachMs: 20 },
    ],
  },
  arrivals: toArrivals(rows),
});
const arrival = fc.record({
  atMs: fc.integer({ min: 0, max: 120 * MINUTE }),
  combo: fc.nat(1),
  durationMs: fc.integer({ min: 1, max: 5000 }),
});
const rows = fc.array(arrival, { minLength: 1, maxLength: 40 });

describe('ttlCurve()', () => {
  test('comes to the same each time', () => {
    fc.assert(
      fc.property(rows, (arrivals) => {
        const replay = { trace: trace(arrivals), settings: SETTINGS, ttlsMs: TTLS };
        expect(ttlCurve(replay)).toEqual(ttlCurve(replay));
      }),
      { numRuns: 20 },
    );
  });

  test('has each combo wait at least once where it was asked for, and for one start at most when nothing is let go', () => {
    fc.assert(
      fc.property(rows, (arrivals) => {
        const asked = new Set(arrivals.map(({ combo }) => combo));
        for (const { combo, ttlMs, starts, waitedMs, byteMs } of ttlCurve({
          trace: trace(arrivals),
          settings: SETTINGS,
          ttlsMs: TTLS,
        })) {
          const begun = starts.attach + starts.wake + starts.staged + starts.cold;
          if (!asked.has(combo)) expect([begun, waitedMs]).toEqual([0, 0]);
          else {
            // It may have joined what the other one began of the base.
            expect(waitedMs).toBeGreaterThan(0);
            expect(byteMs).toBeGreaterThan(0);
          }
          if (ttlMs === null) expect(begun).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 20 },
    );
  });

  const ASKED: Asked[] = [
    ['m', 0],
    ['m+a', 5000],
    ['m', 200_000],
    ['m', 200_100],
  ];
  /** By the combo's place in the fleet. */
  const pointsFor = (
    ttlMs: number | null,
    asked: readonly Asked[] = ASKED,
    settings: Partial<PoolSettings> = {},
  ): TtlPoint[] =>
    ttlCurve({ trace: traceOf(asked), settings: { ...SETTINGS, ...settings }, ttlsMs: [ttlMs] });
  const none = { attach: 0, wake: 0, staged: 0, cold: 0 };

  test('has a row for each time to live and combo, also for those that nobody asked for', () => {
    const points = ttlCurve({ trace: traceOf(ASKED), settings: SETTINGS, ttlsMs: [0, null] });
    const order = [0, 1, 2, 3, 4];
    expect(points.map(({ ttlMs, combo }) => [ttlMs, combo])).toEqual([
      ...order.map((combo) => [0, combo]),
      ...order.map((combo) => [null, combo]),
    ]);
    expect(points[1]).toEqual({ combo: 1, ttlMs: 0, starts: none, waitedMs: 0, refused: 0, byteMs: 0 });
  });

  test('begins one start of each combo when nothing goes by idleness, and none for who finds it warm', () => {
    const points = pointsFor(null);
    // A spawn takes nothing here: what was recorded of starts has it in. All is held to the last end, at 200150.
    expect(points[0]).toEqual({
      ...{ combo: 0, ttlMs: null, starts: { ...none, cold: 1 }, waitedMs: 1010, refused: 0 },
      byteMs: 1000 * 5000 + 100 * 199_150 + 500 * 195_150,
    });
    expect(points[3]).toEqual({
      ...{ combo: 3, ttlMs: null, starts: { ...none, attach: 1 }, waitedMs: 20, refused: 0 },
      byteMs: 600 * 195_150,
    });
  });

  test('lets go of what was idle for so long, at the next thirtieth of that time, and starts it again', () => {
    const points = pointsFor(90_000);
    // m is idle from 1060, so detached from the look at 93000 on, in 5 ms; m+a and the base from 5070, so stopped at 96000, in
    // 150 ms. The last two wait for one start, 1010 and 960 ms; the one that joined it begins none.
    expect(points[0]).toEqual({
      ...{ combo: 0, ttlMs: 90_000, starts: { ...none, cold: 2 }, waitedMs: 1010 + 1010 + 960, refused: 0 },
      byteMs: 1000 * 5000 + 500 * 88_005 + 100 * 92_005 + 1000 * 1110 + 100 * 110,
    });
    expect(points[3]).toEqual({
      ...{ combo: 3, ttlMs: 90_000, starts: { ...none, attach: 1 }, waitedMs: 20, refused: 0 },
      byteMs: 500 * 88_005 + 1000 * 3145 + 100 * 91_150,
    });
  });

  test('looks for idle ones each second where a thirtieth of the time to live is less', () => {
    const asked: Asked[] = [
      ['m', 0],
      ['n', 9000],
    ];
    // Idle from 1060 for 3 s: the look of 5000, not that of 4100.
    expect(pointsFor(3000, asked)[0]?.byteMs).toBe(1000 * 5150 + 100 * 4150);
  });

  test('counts who finds no room as refused, without a start or a wait', () => {
    const asked: Asked[] = [
      ['large', 0],
      ['m', 10],
      ['large', 20],
    ];
    const [m, , large] = pointsFor(null, asked, { memoryBytes: 2000 });
    expect(m).toMatchObject({ starts: { cold: 1 }, waitedMs: 1010, refused: 0 });
    expect(large).toEqual({ combo: 2, ttlMs: null, starts: none, waitedMs: 0, refused: 2, byteMs: 0 });
  });

  test('leaves out standbys, devices and the weight store, which the recorded times have in', () => {
    const settings = {
      ...{ standbys: 2, deviceBytes: { CUDA0: 50 } },
      store: { bases: 1e9, adapters: 1e9 },
    };
    expect(pointsFor(90_000, ASKED, settings)).toEqual(pointsFor(90_000));
  });
});

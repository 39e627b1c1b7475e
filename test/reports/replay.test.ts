import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Residency } from '../../gateway/reports/replay/residency.ts';
import { type Trace, toArrivals } from '../../gateway/reports/replay/trace.ts';
import { ttlCurve } from '../../gateway/reports/replay/ttlCurve.ts';
import { SETTINGS } from '../pool/builders.ts';

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
});

describe('Residency', () => {
  test('lays everything that was held for someone', () => {
    const residency = new Residency(2);
    residency.loaded('r', 1000, 0);
    residency.attached('r', 0, 10, 5);
    residency.attached('r', 1, 20, 10);
    residency.detached('r', 0, 20);
    residency.detached('r', 1, 30);
    // 1000 x 40 of the base, 10 x 15 and 20 x 20 of contexts; the lone ends fall to the first one and to the last.
    expect([...residency.upTo(40)]).toEqual([
      5 * 1000 + 5 * 1010 + 10 * 510,
      10 * 520 + 10 * 1020 + 10 * 1000,
    ]);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emptyMeter, resetMs, settle, use, usedAt, waitMs } from '../../gateway/access/meter.ts';

const MINUTE_MS = 60_000;

interface Step {
  readonly pauseMs: number;
  readonly amount: number;
}

const steps = fc.array(fc.record({ pauseMs: fc.nat(30_000), amount: fc.integer({ min: 1, max: 40 }) }), {
  maxLength: 60,
});
const perMinutes = fc.integer({ min: 1, max: 60 });

/** Admits what fits, and gives when and how much that was. */
function admitted(perMinute: number, asked: readonly Step[]): { atMs: number; amount: number }[] {
  const meter = emptyMeter();
  const taken: { atMs: number; amount: number }[] = [];
  let nowMs = 0;
  for (const { pauseMs, amount } of asked) {
    nowMs += pauseMs;
    if (waitMs(meter, perMinute, amount, nowMs) > 0) continue;
    use(meter, perMinute, amount, nowMs);
    taken.push({ atMs: nowMs, amount });
  }
  return taken;
}

describe('a Meter', () => {
  test('admits over any time no more than one grant and what runs out meanwhile', () => {
    fc.assert(
      fc.property(perMinutes, steps, (perMinute, asked) => {
        const taken = admitted(perMinute, asked);
        for (const [from, first] of taken.entries()) {
          let sum = 0;
          for (const { atMs, amount } of taken.slice(from)) {
            sum += amount;
            expect(sum).toBeLessThanOrEqual(perMinute * (1 + (atMs - first.atMs) / MINUTE_MS) + 1e-6);
          }
        }
      }),
    );
  });

  test('waitMs() is how long it takes until the amount fits, and not a moment longer', () => {
    fc.assert(
      fc.property(perMinutes, steps, fc.integer({ min: 1, max: 60 }), (perMinute, asked, amount) => {
        const meter = emptyMeter();
        let nowMs = 0;
        for (const step of asked) {
          nowMs += step.pauseMs;
          use(meter, perMinute, step.amount, nowMs);
        }
        const wait = waitMs(meter, perMinute, amount, nowMs);
        if (amount > perMinute) {
          expect(wait).toBe(Number.POSITIVE_INFINITY);
          return;
        }
        expect(waitMs(meter, perMinute, amount, nowMs + wait + 0.001)).toBe(0);
        if (wait > 1) expect(waitMs(meter, perMinute, amount, nowMs + wait - 1)).toBeGreaterThan(0);
      }),
    );
  });

  test('is empty after resetMs()', () => {
    const meter = emptyMeter();
    use(meter, 60, 45, 1000);
    expect(resetMs(meter, 60, 1000)).toBe(45_000);
    expect(usedAt(meter, 60, 46_000)).toBe(0);
  });

  test('settle() never leaves less than if the real amount had been known from the start', () => {
    const request = fc.record({
      atMs: fc.nat(60_000),
      tookMs: fc.nat(60_000),
      reserved: fc.nat(40),
      real: fc.nat(60),
    });
    fc.assert(
      fc.property(perMinutes, fc.array(request, { minLength: 1, maxLength: 20 }), (perMinute, requests) => {
        const meter = emptyMeter();
        const known = emptyMeter();
        const events = requests.flatMap((one) => [
          { atMs: one.atMs, one, isEnd: false },
          { atMs: one.atMs + one.tookMs, one, isEnd: true },
        ]);
        events.sort((a, b) => a.atMs - b.atMs || Number(a.isEnd) - Number(b.isEnd));
        for (const { atMs, one, isEnd } of events) {
          if (!isEnd) {
            use(meter, perMinute, one.reserved, atMs);
            use(known, perMinute, Math.min(one.reserved, one.real), atMs);
            continue;
          }
          settle(meter, perMinute, { amount: one.reserved, atMs: one.atMs }, one.real, atMs);
          // What goes beyond the reservation is not known before its end.
          use(known, perMinute, Math.max(0, one.real - one.reserved), atMs);
        }
        const last = events.at(-1)?.atMs ?? 0;
        expect(usedAt(meter, perMinute, last)).toBeGreaterThanOrEqual(usedAt(known, perMinute, last) - 1e-6);
      }),
    );
  });

  test('settle() gives back at once what was reserved too much', () => {
    const meter = emptyMeter();
    use(meter, 1000, 900, 0);
    settle(meter, 1000, { amount: 900, atMs: 0 }, 100, 0);
    expect(usedAt(meter, 1000, 0)).toBe(100);
  });
});

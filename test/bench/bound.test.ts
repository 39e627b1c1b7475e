import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lowerBoundMs } from '../../bench/pool-sim/bound.ts';
import type { Gaps, InUse } from '../../bench/pool-sim/gaps.ts';

interface Gap extends InUse {
  readonly costMs: number;
}

const span = fc.record({ fromMs: fc.nat(50), lengthMs: fc.integer({ min: 1, max: 40 }), bytes: fc.nat(9) });
const gap = fc.record({ span, costMs: fc.integer({ min: 1, max: 1000 }) });

function gapsOf(gaps: readonly Gap[], inUse: readonly InUse[], firstCostMs: number): Gaps {
  return {
    fromMs: Float64Array.from(gaps, ({ fromMs }) => fromMs),
    untilMs: Float64Array.from(gaps, ({ untilMs }) => untilMs),
    bytes: Float64Array.from(gaps, ({ bytes }) => bytes),
    costMs: Float64Array.from(gaps, ({ costMs }) => costMs),
    firstCostMs,
    inUse,
    endMs: 100,
  };
}

const bytesAt = (spans: readonly InUse[], atMs: number): number =>
  spans.reduce((sum, { fromMs, untilMs, bytes }) => sum + (fromMs <= atMs && atMs < untilMs ? bytes : 0), 0);

/** The best of all plans, by trying them. */
function optimumMs(gaps: readonly Gap[], inUse: readonly InUse[], memoryBytes: number): number {
  const starts = [...gaps, ...inUse].map(({ fromMs }) => fromMs);
  let best = Number.POSITIVE_INFINITY;
  for (let plan = 0; plan < 2 ** gaps.length; plan += 1) {
    const kept = gaps.filter((_, at) => (plan >> at) % 2 === 1);
    if (starts.some((atMs) => bytesAt([...kept, ...inUse], atMs) > memoryBytes)) continue;
    const costMs = gaps.reduce((sum, one) => sum + (kept.includes(one) ? 0 : one.costMs), 0);
    best = Math.min(best, costMs);
  }
  return best;
}

describe('lowerBoundMs()', () => {
  it('is never above the best plan', () => {
    const instance = fc.record({
      gaps: fc.array(gap, { maxLength: 7 }),
      inUse: fc.array(span, { maxLength: 2 }),
    });
    fc.assert(
      fc.property(instance, fc.integer({ min: 18, max: 30 }), ({ gaps: drawn, inUse: used }, memoryBytes) => {
        const end = <T extends { fromMs: number; lengthMs: number; bytes: number }>(one: T) => ({
          ...one,
          untilMs: one.fromMs + one.lengthMs,
        });
        const gaps = drawn.map((one) => ({ ...end(one.span), costMs: one.costMs }));
        const inUse = used.map(end);
        const best = optimumMs(gaps, inUse, memoryBytes) + 5;
        const bound = lowerBoundMs(gapsOf(gaps, inUse, 5), memoryBytes, best);
        expect(bound).toBeLessThanOrEqual(best + 1e-6);
        expect(bound).toBeGreaterThanOrEqual(5);
      }),
      { numRuns: 200 },
    );
  });

  it('comes near the best plan where only one of two can be kept', () => {
    const gaps = [
      { fromMs: 0, untilMs: 100, bytes: 10, costMs: 300 },
      { fromMs: 0, untilMs: 100, bytes: 10, costMs: 200 },
    ];
    const bound = lowerBoundMs(gapsOf(gaps, [], 1000), 10, 1200);
    expect(bound).toBeGreaterThan(1199);
    expect(bound).toBeLessThanOrEqual(1200 + 1e-6);
  });

  it('is the cost of the first starts where everything fits', () => {
    const gaps = [{ fromMs: 0, untilMs: 100, bytes: 10, costMs: 300 }];
    expect(lowerBoundMs(gapsOf(gaps, [], 7), 10, 7)).toBe(7);
  });
});

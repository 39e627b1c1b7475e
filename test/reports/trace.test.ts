import { describe, expect, it } from 'vitest';
import { toArrivals } from '../../gateway/reports/replay/trace.ts';

describe('toArrivals()', () => {
  it('puts requests in the order of time, of equal times in the order given', () => {
    const rows = [
      { atMs: 30, combo: 1, durationMs: 5 },
      { atMs: 10.5, combo: 2, durationMs: 6 },
      { atMs: 30, combo: 0, durationMs: 7 },
      { atMs: 20, combo: 3, durationMs: 8 },
    ];
    const { atMs, combo, durationMs } = toArrivals(rows);
    expect([...atMs]).toEqual([10.5, 20, 30, 30]);
    expect([...combo]).toEqual([2, 3, 1, 0]);
    expect([...durationMs]).toEqual([6, 8, 5, 7]);
    expect(rows[0]).toEqual({ atMs: 30, combo: 1, durationMs: 5 });
  });
});

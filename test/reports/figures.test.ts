import fc from 'fast-check';
import { expect, test } from 'vitest';
import { percentilesOf } from '../../gateway/reports/figures.ts';

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

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  budgetRefusal,
  budgetStanding,
  budgetWarning,
  periodEnd,
  periodStart,
} from '../../gateway/access/budgets.ts';
import type { KeyBudget } from '../../gateway/domain/apiKey.ts';
import { keyId } from '../../gateway/domain/ids.ts';
import { InProcessSpendBook } from '../../gateway/shell/keys/spendBook.ts';

const NOON = Date.UTC(2028, 1, 28, 12);
const DAILY: KeyBudget = { period: 'day', softMicroUsd: 800, hardMicroUsd: 1000 };
const spent = (settledMicroUsd: number, reservedMicroUsd = 0) => ({ settledMicroUsd, reservedMicroUsd });

describe('periods', () => {
  test.each([
    ['day', NOON, '2028-02-28', '2028-02-29'],
    ['day', Date.UTC(2028, 1, 29), '2028-02-29', '2028-03-01'],
    ['day', Date.UTC(2027, 11, 31, 23, 59), '2027-12-31', '2028-01-01'],
    ['month', NOON, '2028-02-01', '2028-03-01'],
    ['month', Date.UTC(2027, 11, 31), '2027-12-01', '2028-01-01'],
  ] as const)('of a %s holds %d from %s to %s', (period, at, start, end) => {
    expect(periodStart(period, at)).toBe(Date.parse(start));
    expect(periodEnd(period, at)).toBe(Date.parse(end));
  });
});

describe('budgetRefusal()', () => {
  test.each([
    ['what fits exactly', 600, 100, 300, false],
    ['what would go beyond', 600, 100, 301, true],
    ['what is free, when all is spent', 1000, 0, 0, true],
    ['what is free, before', 999, 0, 0, false],
  ])('of %s', (_, settled, reserved, most, refused) => {
    expect(budgetRefusal(DAILY, spent(settled, reserved), most, NOON) !== null).toBe(refused);
  });

  test('says when the period begins anew', () => {
    expect(budgetRefusal(DAILY, spent(1000), 5, NOON)).toEqual({
      code: 'budget_exceeded',
      message:
        'Budget of this API key for the day does not suffice (micro-USD: limit 1000, spent 1000, reserved 0, requested 5): it begins anew at 2028-02-29T00:00:00.000Z',
      retryAfterMs: 12 * 3_600_000,
    });
  });

  test('never comes without a hard limit', () => {
    expect(budgetRefusal({ ...DAILY, hardMicroUsd: null }, spent(1e12), 1e12, NOON)).toBeNull();
  });
});

test('budgetWarning() comes from the soft limit on', () => {
  expect(budgetWarning(DAILY, spent(700), 99, NOON)).toBeNull();
  expect(budgetWarning(DAILY, spent(700, 50), 50, NOON)).toBe(
    'period=day; taken_micro_usd=800; soft_micro_usd=800; hard_micro_usd=1000; reset=2028-02-29T00:00:00.000Z',
  );
  expect(budgetWarning({ ...DAILY, hardMicroUsd: null }, spent(800), 0, NOON)).toBe(
    'period=day; taken_micro_usd=800; soft_micro_usd=800; reset=2028-02-29T00:00:00.000Z',
  );
  expect(budgetWarning({ ...DAILY, softMicroUsd: null }, spent(1e9), 0, NOON)).toBeNull();
});

describe('InProcessSpendBook', () => {
  const KEY = keyId('key_a');

  test('counts what was settled in the day and month in which its request came', () => {
    const book = new InProcessSpendBook();
    book.restore(KEY, 40, Date.UTC(2028, 1, 27));
    book.settle(KEY, 0, 100, NOON);
    book.settle(KEY, 0, 7, Date.UTC(2028, 1, 27, 23, 59));
    expect(book.spent(KEY, 'day', NOON).settledMicroUsd).toBe(100);
    expect(book.spent(KEY, 'month', NOON).settledMicroUsd).toBe(147);
    expect(book.spent(KEY, 'day', NOON + 86_400_000).settledMicroUsd).toBe(0);
    expect(book.spent(KEY, 'month', Date.UTC(2028, 2, 1)).settledMicroUsd).toBe(0);
    expect(book.spent(keyId('key_b'), 'day', NOON)).toEqual(spent(0));
  });

  test('with budgetRefusal() never lets requests that overlap go beyond the hard limit', () => {
    const step = fc.record({
      ends: fc.boolean(),
      most: fc.nat(400),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const book = new InProcessSpendBook();
        const running: { most: number; cost: number }[] = [];
        for (const { ends, most, share } of steps) {
          const first = ends ? running.shift() : undefined;
          if (first) book.settle(KEY, first.most, first.cost, NOON);
          else if (!budgetRefusal(DAILY, book.spent(KEY, 'day', NOON), most, NOON)) {
            book.reserve(KEY, most);
            running.push({ most, cost: Math.floor(most * share) });
          }
        }
        for (const { most, cost } of running) book.settle(KEY, most, cost, NOON);
        const { settledMicroUsd, reservedMicroUsd } = book.spent(KEY, 'day', NOON);
        expect(settledMicroUsd).toBeLessThanOrEqual(1000);
        expect(reservedMicroUsd).toBe(0);
      }),
    );
  });
});

test('budgetStanding() says what budgetRefusal() and budgetWarning() do', () => {
  const limit = fc.option(fc.integer({ min: 0, max: 50 }));
  const amounts = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 60 }));
  fc.assert(
    fc.property(limit, limit, amounts, (softMicroUsd, hardMicroUsd, [settled, reserved]) => {
      const budget: KeyBudget = { period: 'day', softMicroUsd, hardMicroUsd };
      const taken = spent(settled, reserved);
      const standing = budgetStanding(budget, taken, NOON);
      expect(standing.isUsedUp).toBe(budgetRefusal(budget, taken, 0, NOON) !== null);
      expect(standing.isSoftPassed).toBe(budgetWarning(budget, taken, 0, NOON) !== null);
      expect(standing.resetsAtEpochMs).toBe(Date.parse('2028-02-29'));
      const { leftMicroUsd: left } = standing;
      expect(left === null).toBe(hardMicroUsd === null);
      if (left === null) return;
      expect(left).toBeGreaterThanOrEqual(0);
      // All that is left may be asked for, and no more.
      expect(budgetRefusal(budget, taken, left, NOON) !== null).toBe(standing.isUsedUp);
      expect(budgetRefusal(budget, taken, left + 1, NOON)).not.toBeNull();
    }),
  );
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CostFacts, costOf, mostCost, NO_COST } from '../../gateway/domain/cost.ts';
import { FREE, type PriceBook, ratesOf } from '../../gateway/domain/prices.ts';

const BOOK: PriceBook = {
  startPolicy: 'initiator',
  default: { inputPerMillion: 0.15, outputPerMillion: 0.6, start: { cold: 0.01, attach: 0.0005 } },
  models: { big: { inputPerMillion: 2, cachedInputPerMillion: 0.5, start: { cold: 0.25 } } },
  adapters: { json: { outputPerMillion: 0.1, start: { attach: 0.001 } } },
};

const facts = (more: Partial<CostFacts> = {}): CostFacts => ({
  combo: 'tiny',
  promptTokens: 1000,
  cachedTokens: 0,
  completionTokens: 100,
  prefillMs: 500,
  decodeMs: 1500,
  deviceBytes: 0,
  startKind: 'warm',
  joined: false,
  startShare: null,
  errorCode: null,
  ...more,
});
const waiterOf = (startKind: 'cold' | 'staged', index: number, of: number): CostFacts =>
  facts({ startKind, joined: index > 0, startShare: { startId: 'first', of, index } });

describe('ratesOf()', () => {
  test('takes what a model leaves out from the default, by start kind too', () => {
    expect(ratesOf(BOOK, 'big')).toMatchObject({
      inputPerMillion: 2,
      outputPerMillion: 0.6,
      start: { cold: 0.25, attach: 0.0005, wake: 0, staged: 0 },
    });
  });

  test('adds what each adapter costs more, whatever its scale', () => {
    const rates = ratesOf(BOOK, 'tiny+json@0.5+other');
    expect(rates.outputPerMillion).toBeCloseTo(0.7);
    expect(rates.start.attach).toBeCloseTo(0.0015);
    expect(rates.inputPerMillion).toBe(0.15);
  });

  test('knows no entries but its own', () => {
    expect(ratesOf(BOOK, 'constructor+toString').inputPerMillion).toBe(0.15);
  });
});

describe('costOf()', () => {
  test('is in whole micro-USD by part', () => {
    expect(costOf(facts(), BOOK)).toEqual({
      ...NO_COST,
      inputMicroUsd: 150,
      outputMicroUsd: 60,
      totalMicroUsd: 210,
    });
  });

  test('charges cached tokens their own price, or that of the others', () => {
    const cached = { promptTokens: 1000, cachedTokens: 400 };
    expect(costOf(facts({ combo: 'big', ...cached }), BOOK)).toMatchObject({
      inputMicroUsd: 1200,
      cachedMicroUsd: 200,
    });
    expect(costOf(facts(cached), BOOK)).toMatchObject({ inputMicroUsd: 90, cachedMicroUsd: 60 });
  });

  test('charges seconds in the runner, and device memory for them', () => {
    const book = { ...FREE, default: { runnerSecond: 0.001, deviceGbSecond: 0.0002 } };
    expect(costOf(facts({ deviceBytes: 2_500_000_000 }), book)).toMatchObject({
      runnerMicroUsd: 2000,
      deviceMicroUsd: 1000,
      totalMicroUsd: 3000,
    });
  });

  test.each([
    ['initiator', [10_000, 0, 0]],
    ['shared', [3334, 3333, 3333]],
    ['house', [0, 0, 0]],
  ] as const)('lets %s pay for a start', (startPolicy, amounts) => {
    const book = { ...BOOK, startPolicy };
    const shares = amounts.map((_, index) => costOf(waiterOf('cold', index, amounts.length), book));
    expect(shares.map(({ startMicroUsd }) => startMicroUsd)).toEqual(amounts);
  });

  test('leaves a start that nobody of those who wait began to the house, when its initiator pays', () => {
    const joined = facts({ startKind: 'cold', joined: true, startShare: { startId: 'a', of: 2, index: 0 } });
    expect(costOf(joined, BOOK).startMicroUsd).toBe(0);
    expect(costOf(joined, { ...BOOK, startPolicy: 'shared' }).startMicroUsd).toBe(5000);
  });

  test('charges no start that somebody did not see ready', () => {
    expect(costOf(facts({ startKind: 'cold' }), BOOK).startMicroUsd).toBe(0);
  });

  test.each(['runner_died', 'engine_failed', 'deadline_exceeded', 'interrupted'])(
    'is nothing for what failed on our side: %s',
    (errorCode) => {
      expect(costOf(facts({ errorCode }), BOOK)).toEqual(NO_COST);
    },
  );

  test.each(['client_closed', 'slow_reader'])(
    'is what was used when the client ended it: %s',
    (errorCode) => {
      expect(costOf(facts({ errorCode }), BOOK).totalMicroUsd).toBe(210);
    },
  );

  test('bills each start once in all, whoever shares it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 0, max: 5_000_000 }),
        fc.constantFrom('initiator', 'shared', 'house' as const),
        (of, microUsd, startPolicy) => {
          const book: PriceBook = { ...FREE, startPolicy, default: { start: { staged: microUsd / 1e6 } } };
          const sum = Array.from({ length: of }, (_, index) =>
            costOf(waiterOf('staged', index, of), book),
          ).reduce((total, { startMicroUsd }) => total + startMicroUsd, 0);
          return sum === (startPolicy === 'house' ? 0 : microUsd);
        },
      ),
    );
  });
});

test('mostCost() is never below what the same tokens cost', () => {
  const tokens = fc.integer({ min: 0, max: 200_000 });
  fc.assert(
    fc.property(tokens, tokens, fc.constantFrom('big', 'tiny+json'), (prompt, completion, combo) => {
      const most = mostCost(combo, { prompt, completion }, 'none', BOOK);
      const used = facts({ combo, promptTokens: prompt, cachedTokens: 0, completionTokens: completion });
      return most >= costOf(used, BOOK).totalMicroUsd;
    }),
  );
});

test.each([
  ['own', 'initiator', 250_000],
  ['own', 'shared', 250_000],
  ['joined', 'initiator', 0],
  ['joined', 'shared', 250_000],
  ['none', 'initiator', 0],
  ['none', 'shared', 0],
  ['own', 'house', 0],
] as const)(
  'mostCost() of a request whose start is %s takes, by policy %s, %i micro-USD for it',
  (start, startPolicy, most) => {
    expect(mostCost('big', { prompt: 0, completion: 0 }, start, { ...BOOK, startPolicy })).toBe(most);
  },
);

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CostFacts, costOf, factsOf, mostCost, NO_COST } from '../../gateway/domain/cost.ts';
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

describe('ratesOf(), of adapters', () => {
  const all = (amount: number) => ({
    inputPerMillion: amount,
    cachedInputPerMillion: amount * 2,
    outputPerMillion: amount * 3,
    runnerSecond: amount * 4,
    deviceGbSecond: amount * 5,
    start: { attach: amount * 6, wake: amount * 7, staged: amount * 8, cold: amount * 9 },
  });

  test('adds every rate to that of the base', () => {
    const book = { ...FREE, default: all(1), adapters: { one: all(10), two: all(100) } };
    expect(ratesOf(book, 'tiny+one+two@0.5')).toEqual(all(111));
  });

  test('takes nothing for what has no entry, nor for kinds of start that an entry leaves out', () => {
    const nothing = all(0);
    expect(ratesOf({ ...FREE, adapters: {} }, 'tiny+none')).toEqual(nothing);
    expect(ratesOf({ ...FREE, adapters: { some: { inputPerMillion: 2 } } }, 'tiny+some')).toEqual({
      ...nothing,
      inputPerMillion: 2,
      cachedInputPerMillion: 2,
    });
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

  test('adds up all parts, and reads the seconds out of the phases', () => {
    const record = {
      ...facts({ combo: 'tiny', cachedTokens: 400, deviceBytes: 2e9, startKind: 'attach' }),
      startShare: { startId: 'a', of: 1, index: 0 },
      phasesMs: { queue: 7, prefill: 500, decode: 1500 },
    };
    const book: PriceBook = {
      ...FREE,
      startPolicy: 'shared',
      default: {
        inputPerMillion: 1,
        cachedInputPerMillion: 0.5,
        outputPerMillion: 2,
        runnerSecond: 0.001,
        deviceGbSecond: 0.0001,
        start: { attach: 0.003 },
      },
    };
    expect(costOf(factsOf(record), book)).toEqual({
      inputMicroUsd: 600,
      cachedMicroUsd: 200,
      outputMicroUsd: 200,
      runnerMicroUsd: 2000,
      deviceMicroUsd: 400,
      startMicroUsd: 3000,
      totalMicroUsd: 6400,
    });
    expect(costOf(factsOf({ ...record, phasesMs: {} }), book)).toMatchObject({
      runnerMicroUsd: 0,
      deviceMicroUsd: 0,
    });
  });

  test('is nothing for who was refused before its combo was known', () => {
    expect(costOf(facts({ combo: null }), BOOK)).toEqual(NO_COST);
  });

  test.each(['warm', null] as const)('charges no start to who found one (%s)', (startKind) => {
    const share = { startId: 'a', of: 1, index: 0 };
    expect(costOf(facts({ startKind, startShare: share }), BOOK).startMicroUsd).toBe(0);
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

test('mostCost() takes the dearest way of each token', () => {
  const book = { ...FREE, default: { inputPerMillion: 1, cachedInputPerMillion: 3, outputPerMillion: 2.5 } };
  expect(mostCost('tiny', { prompt: 10, completion: 3 }, 'none', book)).toBe(30 + 8);
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

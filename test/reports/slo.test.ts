import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addCounts, type JudgedRequest, NO_COUNTS, type Slo, verdictOf } from '../../gateway/domain/slo.ts';
import {
  BURN_PAIRS,
  BURN_WINDOWS,
  type BurnWindow,
  budgetOf,
  burnLimitOf,
  burnRateOf,
  sloReportColumns,
  sloReportRow,
  sloState,
  sloTerms,
  tallyOf,
} from '../../gateway/reports/slo.ts';
import { cellsOf } from '../../gateway/reports/table.ts';

const DAY_MS = 86_400_000;

const slo = (changes: Partial<Slo> = {}): Slo => ({
  id: 'fast',
  model: null,
  combo: null,
  objective: 'ttft_warm',
  thresholdMs: 100,
  target: 0.99,
  windowMs: 30 * DAY_MS,
  countsCold: false,
  ...changes,
});

const request = (changes: Partial<JudgedRequest> = {}): JudgedRequest => ({
  combo: 'tiny+pirate',
  base: 'tiny',
  startKind: 'warm',
  ttftMs: 20,
  tpotMs: 1,
  totalMs: 50,
  httpStatus: 200,
  errorCode: null,
  ...changes,
});

describe('verdictOf()', () => {
  test('takes the threshold itself for good', () => {
    expect(verdictOf(slo(), request({ ttftMs: 100 }))).toBe('good');
    expect(verdictOf(slo(), request({ ttftMs: 100.001 }))).toBe('bad');
  });

  test('keeps requests that waited for a start by themselves, joined or not', () => {
    expect(verdictOf(slo(), request({ startKind: 'cold', ttftMs: 5000 }))).toBe('startBad');
    expect(verdictOf(slo(), request({ startKind: 'attach', ttftMs: 5 }))).toBe('startGood');
  });

  test('judges ttft_cold by starts alone', () => {
    const cold = slo({ objective: 'ttft_cold', countsCold: true });
    expect(verdictOf(cold, request())).toBeNull();
    expect(verdictOf(cold, request({ startKind: null, ttftMs: null, errorCode: 'queue_full' }))).toBeNull();
    expect(verdictOf(cold, request({ startKind: 'wake', ttftMs: 101 }))).toBe('startBad');
  });

  test('is about its model or its combo alone', () => {
    expect(verdictOf(slo({ model: 'tiny' }), request())).toBe('good');
    expect(verdictOf(slo({ model: 'other' }), request())).toBeNull();
    expect(verdictOf(slo({ combo: 'tiny' }), request())).toBeNull();
    expect(verdictOf(slo({ combo: 'tiny+pirate' }), request())).toBe('good');
  });

  test('lays a client that left for bad only when it had waited past the threshold', () => {
    const left = { ttftMs: null, errorCode: 'client_closed', httpStatus: 499 };
    expect(verdictOf(slo(), request({ ...left, totalMs: 101 }))).toBe('bad');
    expect(verdictOf(slo(), request({ ...left, totalMs: 100 }))).toBeNull();
    expect(verdictOf(slo(), request({ ...left, ttftMs: 20, totalMs: 500 }))).toBe('good');
  });

  test.each([
    ['invalid_request', 400, null],
    ['rate_limit_exceeded', 429, null],
    ['budget_exceeded', 429, null],
    ['client_closed', 499, null],
    ['slow_reader', 499, null],
    ['queue_full', 429, 'bad'],
    ['queue_exceeds_deadline', 429, 'bad'],
    ['no_capacity', 503, 'bad'],
    ['runner_died', 200, 'bad'],
    ['interrupted', 500, 'bad'],
    ['an_engines_own', 400, null],
    ['an_engines_own', 200, 'bad'],
    [null, 200, 'good'],
  ])('has availability judge %s (%i) as %s', (errorCode, httpStatus, verdict) => {
    const available = slo({ objective: 'availability', thresholdMs: null });
    expect(verdictOf(available, request({ errorCode, httpStatus }))).toBe(verdict);
  });

  test('has tpot judge answers that have one', () => {
    const tpot = slo({ objective: 'tpot', thresholdMs: 2 });
    expect(verdictOf(tpot, request({ tpotMs: 3 }))).toBe('bad');
    expect(verdictOf(tpot, request({ tpotMs: null }))).toBeNull();
    expect(verdictOf(tpot, request({ errorCode: 'client_closed' }))).toBeNull();
  });
});

const counts = fc.record({
  good: fc.nat(1000),
  bad: fc.nat(50),
  startGood: fc.nat(50),
  startBad: fc.nat(50),
});
const target = fc.integer({ min: 1, max: 9999 }).map((part) => part / 10_000);

describe('the error budget', () => {
  test('is what a naive count over the requests themselves comes to', () => {
    const someone = fc.record({
      startKind: fc.constantFrom('warm' as const, 'attach' as const, 'cold' as const),
      ttftMs: fc.integer({ min: 1, max: 200 }),
    });
    fc.assert(
      fc.property(fc.array(someone, { maxLength: 200 }), target, fc.boolean(), (all, share, countsCold) => {
        const promise = slo({ target: share, countsCold });
        const sums = all.reduce((sum, one) => {
          const verdict = verdictOf(promise, request(one));
          return verdict ? addCounts(sum, { ...NO_COUNTS, [verdict]: 1 }) : sum;
        }, NO_COUNTS);
        const counted = all.filter(({ startKind }) => countsCold || startKind === 'warm');
        const bad = counted.filter(({ ttftMs }) => ttftMs > 100).length;
        const tally = tallyOf(sums, countsCold);
        expect(tally).toEqual({
          good: counted.length - bad,
          bad,
          ratio: counted.length > 0 ? (counted.length - bad) / counted.length : null,
        });
        const budget = budgetOf(tally, share);
        expect(budget.allowedBad).toBeCloseTo(counted.length * (1 - share), 6);
        expect(budget.leftBad).toBeCloseTo(counted.length * (1 - share) - bad, 6);
        expect(tallyOf(sums, true).good + tallyOf(sums, true).bad).toBe(all.length);
      }),
    );
  });

  test('is spent at the burn rate: a window at rate r spends r times its part', () => {
    fc.assert(
      fc.property(counts, target, (sums, share) => {
        const tally = tallyOf(sums, true);
        const { leftShare } = budgetOf(tally, share);
        expect(1 - leftShare).toBeCloseTo(burnRateOf(tally, share), 6);
      }),
    );
  });

  test('of no requests is whole, and burns at nothing', () => {
    expect(budgetOf(tallyOf(NO_COUNTS, true), 0.99)).toEqual({ allowedBad: 0, leftBad: 0, leftShare: 1 });
    expect(burnRateOf(tallyOf(NO_COUNTS, true), 0.99)).toBe(0);
  });
});

describe('burnLimitOf()', () => {
  test('is that of the SRE workbook for 30 days', () => {
    const limits = BURN_PAIRS.map((pair) => Number(burnLimitOf(pair, 30 * DAY_MS).toFixed(6)));
    expect(limits).toEqual([14.4, 6, 1]);
  });
  test('is never below the even pace', () => {
    for (const pair of BURN_PAIRS) expect(burnLimitOf(pair, 7 * DAY_MS)).toBeGreaterThanOrEqual(1);
  });
});

/** Of 1000 requests in each window so many bad as burn at the rate. */
const burning = (rates: Partial<Record<BurnWindow, number>>) =>
  Object.fromEntries(
    BURN_WINDOWS.map((window) => {
      const bad = Math.round((rates[window] ?? 0) * 10);
      return [window, { ...NO_COUNTS, good: 1000 - bad, bad }];
    }),
  ) as Record<BurnWindow, typeof NO_COUNTS>;

describe('sloState()', () => {
  const overall = { ...NO_COUNTS, good: 99_999, bad: 1 };
  const statusAt = (rates: Partial<Record<BurnWindow, number>>) =>
    sloState(slo(), overall, burning(rates)).status;

  test('is ok while neither pair burns', () => expect(statusAt({})).toBe('ok'));
  test('pages only when both windows of a pair burn', () => {
    expect(statusAt({ '1h': 15, '5m': 15 })).toBe('page');
    expect(statusAt({ '1h': 15 })).toBe('ok');
    expect(statusAt({ '5m': 90 })).toBe('ok');
    expect(statusAt({ '6h': 7, '30m': 7 })).toBe('page');
    expect(statusAt({ '6h': 5, '30m': 7 })).toBe('ok');
  });
  test('warns when three days burn, and six hours still do', () => {
    expect(statusAt({ '3d': 1.5, '6h': 1.5 })).toBe('warning');
    expect(statusAt({ '3d': 1.5, '6h': 0.5 })).toBe('ok');
  });
  test('is exhausted when the budget is spent, whatever burns', () => {
    const spent = { ...NO_COUNTS, good: 95, bad: 5 };
    const state = sloState(slo(), spent, burning({}));
    expect(state.status).toBe('exhausted');
    expect(state.budget.leftBad).toBeCloseTo(-4, 9);
    expect(state.budget.leftShare).toBeCloseTo(-4, 9);
  });
  test('is not exhausted by the last of the budget that is left, but by the first that is not', () => {
    // Of 400 at 99.5% two may be bad, exactly.
    const exact = slo({ target: 0.995 });
    const state = (bad: number) => sloState(exact, { ...NO_COUNTS, good: 400 - bad, bad }, burning({}));
    expect(state(1).status).not.toBe('exhausted');
    expect(state(2).budget.leftShare).toBeCloseTo(0, 9);
    expect(state(3).status).toBe('exhausted');
  });
  test('is exhausted when all of it is spent, and not while nothing was bad', () => {
    // Binary fractions: nothing is rounded.
    const half = slo({ target: 0.5 });
    expect(sloState(half, { ...NO_COUNTS, good: 1, bad: 1 }, burning({})).status).toBe('exhausted');
    expect(sloState(half, NO_COUNTS, burning({})).status).toBe('ok');
  });
  test('does not page at the limit itself', () => {
    // Over 50 hours 2% in one hour are once the even pace; at a target of one half all that is bad burns at twice it.
    const even = slo({ target: 0.5, windowMs: 50 * 3_600_000 });
    const half = { ...NO_COUNTS, good: 500, bad: 500 };
    const all = Object.fromEntries(BURN_WINDOWS.map((window) => [window, half]));
    expect(sloState(even, { ...NO_COUNTS, good: 1 }, all as Record<BurnWindow, typeof half>).status).toBe(
      'ok',
    );
  });
  test('counts starts always where the promise is about them', () => {
    const cold = slo({ objective: 'ttft_cold', countsCold: false });
    const state = sloState(cold, { ...NO_COUNTS, startGood: 3, startBad: 1 }, burning({}));
    expect(state.counted).toEqual({ good: 3, bad: 1, ratio: 0.75 });
    expect(sloTerms(cold)['counts_cold']).toBe(true);
    expect(sloTerms(slo())['counts_cold']).toBe(false);
  });
  test('tells both numbers, and counts the one that was chosen', () => {
    const mixed = { good: 99, bad: 1, startGood: 2, startBad: 8 };
    const without = sloState(slo({ countsCold: false }), mixed, burning({}));
    const withThem = sloState(slo({ countsCold: true }), mixed, burning({}));
    expect(without.counted).toEqual({ good: 99, bad: 1, ratio: 0.99 });
    expect(withThem.counted).toEqual({ good: 101, bad: 9, ratio: 101 / 110 });
    for (const state of [without, withThem]) {
      expect(state.withStarts).toEqual(withThem.counted);
      expect(state.withoutStarts).toEqual(without.counted);
    }
  });
});

describe('sloReportRow()', () => {
  test('says whether the span kept the promise', () => {
    const kept = sloReportRow(slo(), { ...NO_COUNTS, good: 99, bad: 1, startBad: 5 });
    expect(kept).toMatchObject({ requests: 100, is_met: true, burn_rate: 1, starts_share: 0.0476 });
    expect(sloReportRow(slo(), { ...NO_COUNTS, good: 98, bad: 2 })).toMatchObject({ is_met: false });
    expect(sloReportRow(slo(), NO_COUNTS)).toMatchObject({ is_met: null, ratio: null });
  });

  test('has both numbers, and how many of all waited for a start', () => {
    const row = sloReportRow(slo(), { good: 6, bad: 2, startGood: 1, startBad: 3 });
    expect(row).toMatchObject({
      with_starts: { good: 7, bad: 5, ratio: 0.583333 },
      without_starts: { good: 6, bad: 2, ratio: 0.75 },
      starts_share: 0.3333,
    });
  });

  test('has a column for each of its figures', () => {
    const row = sloReportRow(slo({ model: 'tiny' }), { good: 6, bad: 2, startGood: 1, startBad: 3 });
    const columns = sloReportColumns();
    const names = columns.map((column) => column.join('.'));
    const figures = Object.entries(row).flatMap(([name, figure]) =>
      typeof figure === 'object' && figure !== null
        ? Object.keys(figure).map((inner) => `${name}.${inner}`)
        : [name],
    );
    expect(names.toSorted()).toEqual(figures.toSorted());
    const cells = cellsOf(row, columns);
    expect(cells[names.indexOf('model')]).toBe('tiny');
    expect(cells[names.indexOf('budget.allowed_bad')]).toBe(0.08);
    expect(cells[names.indexOf('budget.left_bad')]).toBe(-1.92);
    expect(cells[names.indexOf('with_starts.bad')]).toBe(5);
  });
});

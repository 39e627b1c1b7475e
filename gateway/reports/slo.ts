import type { Slo, SloCounts } from '../domain/slo.ts';
import { type Row, shareOf } from './figures.ts';
import type { Column } from './table.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** The windows that burn rates are told over. */
export const BURN_WINDOWS_MS = {
  '5m': 5 * MINUTE_MS,
  '30m': 30 * MINUTE_MS,
  '1h': HOUR_MS,
  '6h': 6 * HOUR_MS,
  '3d': 72 * HOUR_MS,
} as const;
export type BurnWindow = keyof typeof BURN_WINDOWS_MS;
export const BURN_WINDOWS = Object.keys(BURN_WINDOWS_MS) as readonly BurnWindow[];

/**
 * Pairs of windows, by the share of the budget that is spent when the long one has burnt at the limit; the short one says
 * that it still does. Google, The Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts": of 30 days
 * 14.4, 6 and 1 times the even pace.
 */
export const BURN_PAIRS = [
  { long: '1h', short: '5m', budgetShare: 0.02, severity: 'page' },
  { long: '6h', short: '30m', budgetShare: 0.05, severity: 'page' },
  { long: '3d', short: '6h', budgetShare: 0.1, severity: 'warning' },
] as const satisfies readonly {
  long: BurnWindow;
  short: BurnWindow;
  budgetShare: number;
  severity: 'page' | 'warning';
}[];

export const SLO_STATES = ['ok', 'warning', 'page', 'exhausted'] as const;
export type SloStatus = (typeof SLO_STATES)[number];

/** One of the two numbers: with the requests that waited for a start, or without them. */
export interface Tally {
  readonly good: number;
  readonly bad: number;
  /** good / (good + bad); null of no requests. */
  readonly ratio: number | null;
}

export interface Budget {
  /** Requests that may be bad among as many as there were; not rounded. */
  readonly allowedBad: number;
  readonly leftBad: number;
  /** Of the budget; negative when it is overspent, 1 while there were no requests. */
  readonly leftShare: number;
}

export interface SloState {
  readonly status: SloStatus;
  /** By `countsCold` of the objective. */
  readonly counted: Tally;
  readonly withStarts: Tally;
  readonly withoutStarts: Tally;
  readonly budget: Budget;
  /** How many times as fast as the even pace the budget is spent; 0 without requests. */
  readonly burnRates: Readonly<Record<BurnWindow, number>>;
}

export function tallyOf({ good, bad, startGood, startBad }: SloCounts, withStarts: boolean): Tally {
  const goods = good + (withStarts ? startGood : 0);
  const bads = bad + (withStarts ? startBad : 0);
  const all = goods + bads;
  return { good: goods, bad: bads, ratio: all > 0 ? goods / all : null };
}

/** What an objective promises is about starts alone where it is `ttft_cold`: there they always count. */
export function countsStarts({ objective, countsCold }: Slo): boolean {
  return objective === 'ttft_cold' || countsCold;
}

export function budgetOf({ good, bad }: Tally, target: number): Budget {
  const allowedBad = (1 - target) * (good + bad);
  return {
    allowedBad,
    leftBad: allowedBad - bad,
    leftShare: allowedBad > 0 ? 1 - bad / allowedBad : 1,
  };
}

export function burnRateOf({ ratio }: Tally, target: number): number {
  return ratio === null ? 0 : (1 - ratio) / (1 - target);
}

/** The burn rate at which a pair tells, for the window of an objective; never below the even pace. */
export function burnLimitOf(pair: (typeof BURN_PAIRS)[number], windowMs: number): number {
  return Math.max(1, (pair.budgetShare * windowMs) / BURN_WINDOWS_MS[pair.long]);
}

/** How an objective stands, by its counts over its own window and over those of the burn rates. */
export function sloState(
  slo: Slo,
  overall: SloCounts,
  recent: Readonly<Record<BurnWindow, SloCounts>>,
): SloState {
  const starts = countsStarts(slo);
  const counted = tallyOf(overall, starts);
  const budget = budgetOf(counted, slo.target);
  const burnRates = Object.fromEntries(
    BURN_WINDOWS.map((window) => [window, burnRateOf(tallyOf(recent[window], starts), slo.target)]),
  ) as Record<BurnWindow, number>;
  return {
    status: statusOf(slo, counted, budget, burnRates),
    counted,
    withStarts: tallyOf(overall, true),
    withoutStarts: tallyOf(overall, false),
    budget,
    burnRates,
  };
}

function statusOf(
  { windowMs }: Slo,
  { bad }: Tally,
  { leftShare }: Budget,
  burnRates: Readonly<Record<BurnWindow, number>>,
): SloStatus {
  if (bad > 0 && leftShare <= 0) return 'exhausted';
  const burning = BURN_PAIRS.filter((pair) => {
    const limit = burnLimitOf(pair, windowMs);
    return burnRates[pair.long] > limit && burnRates[pair.short] > limit;
  });
  if (burning.some(({ severity }) => severity === 'page')) return 'page';
  return burning.length > 0 ? 'warning' : 'ok';
}

/** What tells an objective from others, and what it promises. */
export function sloTerms(slo: Slo): Row {
  return {
    slo: slo.id,
    model: slo.model,
    combo: slo.combo,
    objective: slo.objective,
    threshold_ms: slo.thresholdMs,
    target: slo.target,
    counts_cold: countsStarts(slo),
  };
}

export function tallyRow({ good, bad, ratio }: Tally): Row {
  return { good, bad, ratio: ratio === null ? null : six(ratio) };
}

export function budgetRow({ allowedBad, leftBad, leftShare }: Budget): Row {
  return { allowed_bad: three(allowedBad), left_bad: three(leftBad), left_share: six(leftShare) };
}

/** One row per objective: whether a span of time kept its promise. */
export function sloReportRow(slo: Slo, counts: SloCounts): Row {
  const counted = tallyOf(counts, countsStarts(slo));
  return {
    ...sloTerms(slo),
    ...tallyRow(counted),
    requests: counted.good + counted.bad,
    is_met: counted.ratio === null ? null : counted.ratio >= slo.target,
    budget: budgetRow(budgetOf(counted, slo.target)),
    burn_rate: three(burnRateOf(counted, slo.target)),
    with_starts: tallyRow(tallyOf(counts, true)),
    without_starts: tallyRow(tallyOf(counts, false)),
    starts_share: shareOf(counts.startGood + counts.startBad, sum(counts)),
  };
}

function sum({ good, bad, startGood, startBad }: SloCounts): number {
  return good + bad + startGood + startBad;
}

export function sloReportColumns(): Column[] {
  const tally = (name: string): Column[] => [
    [name, 'good'],
    [name, 'bad'],
    [name, 'ratio'],
  ];
  return [
    ...['slo', 'model', 'combo', 'objective', 'threshold_ms', 'target', 'counts_cold'].map((name) => [name]),
    ...['requests', 'good', 'bad', 'ratio', 'is_met', 'burn_rate', 'starts_share'].map((name) => [name]),
    ['budget', 'allowed_bad'],
    ['budget', 'left_bad'],
    ['budget', 'left_share'],
    ...tally('with_starts'),
    ...tally('without_starts'),
  ];
}

export const six = (value: number): number => Math.round(value * 1e6) / 1e6;
export const three = (value: number): number => Math.round(value * 1e3) / 1e3;

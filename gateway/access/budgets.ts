import type { BudgetPeriod, KeyBudget } from '../domain/apiKey.ts';
import type { Failure } from '../domain/errors.ts';

/** What is taken of a budget in the period that runs, in millionths of a US dollar. */
export interface Spent {
  readonly settledMicroUsd: number;
  /** What running requests may still cost. */
  readonly reservedMicroUsd: number;
}

/** First millisecond of the calendar day or month in UTC that holds the time. */
export function periodStart(period: BudgetPeriod, epochMs: number): number {
  const at = new Date(epochMs);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), period === 'day' ? at.getUTCDate() : 1);
}

/** First millisecond after it. */
export function periodEnd(period: BudgetPeriod, epochMs: number): number {
  const at = new Date(epochMs);
  return period === 'day'
    ? Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + 1)
    : Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1);
}

/**
 * Why a request that may cost so much is refused; null: it is not. What running requests may cost counts, so that
 * together they cannot overshoot the hard limit. A budget that is used up refuses also what costs nothing.
 */
export function budgetRefusal(
  budget: KeyBudget,
  spent: Spent,
  mostMicroUsd: number,
  nowEpochMs: number,
): Failure | null {
  const { hardMicroUsd, period } = budget;
  if (hardMicroUsd === null) return null;
  const taken = spent.settledMicroUsd + spent.reservedMicroUsd;
  if (taken < hardMicroUsd && taken + mostMicroUsd <= hardMicroUsd) return null;
  const endEpochMs = periodEnd(period, nowEpochMs);
  const numbers = `limit ${hardMicroUsd}, spent ${spent.settledMicroUsd}, reserved ${spent.reservedMicroUsd}, requested ${mostMicroUsd}`;
  const what = `Budget of this API key for the ${period} does not suffice (micro-USD: ${numbers})`;
  return {
    code: 'budget_exceeded',
    message: `${what}: it begins anew at ${new Date(endEpochMs).toISOString()}`,
    retryAfterMs: endEpochMs - nowEpochMs,
  };
}

/** What a client is told from the soft limit on; null: nothing. Counted with what its own request may cost. */
export function budgetWarning(
  budget: KeyBudget,
  spent: Spent,
  mostMicroUsd: number,
  nowEpochMs: number,
): string | null {
  const { softMicroUsd, hardMicroUsd, period } = budget;
  const taken = spent.settledMicroUsd + spent.reservedMicroUsd + mostMicroUsd;
  if (softMicroUsd === null || taken < softMicroUsd) return null;
  const hard = hardMicroUsd === null ? '' : ` hard_micro_usd=${hardMicroUsd};`;
  const reset = new Date(periodEnd(period, nowEpochMs)).toISOString();
  return `period=${period}; taken_micro_usd=${taken}; soft_micro_usd=${softMicroUsd};${hard} reset=${reset}`;
}

/** How much of a budget is left in the period that runs. */
export interface BudgetStanding {
  /** Of the hard limit, with what running requests may cost taken off; never negative. null: there is no hard limit. */
  readonly leftMicroUsd: number | null;
  readonly isSoftPassed: boolean;
  /** Whatever is asked for is refused. */
  readonly isUsedUp: boolean;
  /** When the period ends, and all of the budget is there again. */
  readonly resetsAtEpochMs: number;
}

/** By the same sums as `budgetRefusal` and `budgetWarning`, of no request in particular. */
export function budgetStanding(budget: KeyBudget, spent: Spent, nowEpochMs: number): BudgetStanding {
  const { hardMicroUsd, softMicroUsd, period } = budget;
  const taken = spent.settledMicroUsd + spent.reservedMicroUsd;
  return {
    leftMicroUsd: hardMicroUsd === null ? null : Math.max(0, hardMicroUsd - taken),
    isSoftPassed: softMicroUsd !== null && taken >= softMicroUsd,
    isUsedUp: hardMicroUsd !== null && taken >= hardMicroUsd,
    resetsAtEpochMs: periodEnd(period, nowEpochMs),
  };
}

import { type BudgetStanding, budgetStanding, periodEnd } from '../../access/budgets.ts';
import { type ApiKey, stateOf } from '../../domain/apiKey.ts';
import type { SpendBook } from '../../ports/spendBook.ts';
import type { KeyBudgetRow } from './data.ts';

/** What each key that is not deleted has of its budget. Who is nearest to its limit is first, who has none last. */
export function keyBudgets(
  keys: readonly ApiKey[],
  spend: Pick<SpendBook, 'spent'>,
  nowEpochMs: number,
): KeyBudgetRow[] {
  return keys
    .filter(({ deletedAtEpochMs }) => deletedAtEpochMs === null)
    .map((key) => rowOf(key, spend, nowEpochMs))
    .toSorted((a, b) => takenShare(b) - takenShare(a) || b.usedMicroUsd - a.usedMicroUsd);
}

function rowOf(key: ApiKey, spend: Pick<SpendBook, 'spent'>, nowEpochMs: number): KeyBudgetRow {
  const { budget } = key;
  const period = budget?.period ?? 'month';
  const spent = spend.spent(key.id, period, nowEpochMs);
  const none: BudgetStanding = {
    leftMicroUsd: null,
    isSoftPassed: false,
    isUsedUp: false,
    resetsAtEpochMs: periodEnd(period, nowEpochMs),
  };
  return {
    id: key.id,
    name: key.name,
    state: stateOf(key, nowEpochMs),
    period,
    softMicroUsd: budget?.softMicroUsd ?? null,
    hardMicroUsd: budget?.hardMicroUsd ?? null,
    usedMicroUsd: spent.settledMicroUsd,
    reservedMicroUsd: spent.reservedMicroUsd,
    ...(budget ? budgetStanding(budget, spent, nowEpochMs) : none),
  };
}

/** Of the hard limit, or the soft one where that is all; -1: neither. */
function takenShare({ hardMicroUsd, softMicroUsd, usedMicroUsd, reservedMicroUsd }: KeyBudgetRow): number {
  const limit = hardMicroUsd ?? softMicroUsd;
  if (limit === null) return -1;
  return limit === 0 ? Number.MAX_VALUE : (usedMicroUsd + reservedMicroUsd) / limit;
}

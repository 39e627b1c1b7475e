import type { BudgetPeriod } from '../domain/apiKey.ts';
import type { KeyId } from '../domain/ids.ts';

/** What each key has spent in the running day and month (UTC), in millionths of a US dollar. */
export interface SpendBook {
  spent(
    key: KeyId,
    period: BudgetPeriod,
    nowEpochMs: number,
  ): { readonly settledMicroUsd: number; readonly reservedMicroUsd: number };
  reserve(key: KeyId, microUsd: number): void;
  /** Puts the cost of a request in the place of its reservation; it counts when the request came. */
  settle(key: KeyId, reservedMicroUsd: number, costMicroUsd: number, arrivedAtEpochMs: number): void;
}

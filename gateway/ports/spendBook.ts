import type { BudgetPeriod } from '../domain/apiKey.ts';
import type { Combo } from '../domain/combo.ts';
import type { KeyId } from '../domain/ids.ts';
import type { RequestRecord } from '../domain/requestRecord.ts';

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

/** What requests cost, in whole millionths of a US dollar. */
export interface CostMeter {
  /** Never less than what a request with so many tokens turns out to cost. */
  atMostMicroUsd(combo: Combo, inputTokens: number, outputTokens: number): number;
  /** What a request that has ended cost. */
  ofMicroUsd(record: RequestRecord): number;
}

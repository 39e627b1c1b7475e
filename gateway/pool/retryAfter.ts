import type { Combo } from '../domain/combo.ts';
import { ERROR_TABLE, type Failure } from '../domain/errors.ts';
import { queueMs } from './estimates.ts';
import { expectedStartMs, remainingStartMs } from './startTimes.ts';
import type { PoolState } from './state.ts';

/**
 * When it is worth to ask for the combo again, in milliseconds: when its start will be over, as its own starts were, and
 * those who wait will have been served. A combo that is ready and whose service was never measured stands for a start.
 */
export function retryAfterMs(state: PoolState, combo: Combo, nowMs: number): number {
  const wholeMs = expectedStartMs(state, combo);
  const waitMs = remainingStartMs(state, combo, nowMs, () => wholeMs) + queueMs(state, combo);
  return waitMs > 0 ? waitMs : wholeMs;
}

/** The failure, with the time that another start would take where waiting can cure it. */
export function withRetryAfter(state: PoolState, combo: Combo, failure: Failure): Failure {
  const { status, retry } = ERROR_TABLE[failure.code];
  const isCurable = retry && !failure.isPermanent && (status === 429 || status === 503);
  if (!isCurable || failure.retryAfterMs !== undefined) return failure;
  return { ...failure, retryAfterMs: expectedStartMs(state, combo) };
}

import type { Combo } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';
import type { PoolEffect } from './effects.ts';
import { capacityFailure } from './fit.ts';
import { bestHolder } from './holders.ts';
import { rejectWaiting } from './queues.ts';
import { retryAfterMs } from './retryAfter.ts';
import { isStarting } from './startTimes.ts';
import type { PoolState, Waiter } from './state.ts';
import type { Tier } from './terms.ts';

/** Waiting for room or for a free sequence has a limit, which is flex work's own; a start under way has another one. */
export function refuseLate(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  refuseLateOf(state, 'interactive', state.settings.startTimeoutMs, nowMs, effects);
  if (state.flexWaiting > 0) refuseLateOf(state, 'flex', state.settings.flexWaitMs, nowMs, effects);
}

function refuseLateOf(
  state: PoolState,
  tier: Tier,
  limitMs: number,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const isLate = (waiter: Waiter): boolean => waiter.tier === tier && nowMs - waiter.waitsSinceMs >= limitMs;
  for (const [key, { combo, waiters }] of state.queues) {
    // Nobody waits since later than who stands behind it in its tier.
    const first = tier === 'flex' ? waiters.find((waiter) => waiter.tier === tier) : waiters[0];
    if (!first || !isLate(first)) continue;
    const slot = bestHolder(state, combo)?.slot;
    if (slot && isStarting(slot)) continue;
    rejectWaiting(state, key, lateFailure(state, combo, limitMs, nowMs), effects, isLate);
  }
}

function lateFailure(state: PoolState, combo: Combo, limitMs: number, nowMs: number): Failure {
  const { capacity } = capacityFailure(state, combo);
  return {
    code: 'no_capacity',
    message: `Cannot serve "${combo.name}": no capacity after ${limitMs} ms of waiting`,
    retryAfterMs: retryAfterMs(state, combo, nowMs),
    ...(capacity && { capacity }),
  };
}

import type { Failure } from '../domain/errors.ts';
import { refusalAfter } from './blame.ts';
import type { PoolEffect } from './effects.ts';
import { keepFailed } from './keeps.ts';
import { rejectWaiting } from './queues.ts';
import { isStarting } from './startTimes.ts';
import type { PoolState, Runner } from './state.ts';

/** How many starts one that waits may lose before it is answered: the next runner may be ended, too, and the one after. */
const MOST_LOST_STARTS = 3;

/**
 * The starts that are under way on a runner are lost with it, and by no fault of theirs that is known: nothing was sent
 * there for those who wait, who are placed anew when it is out of the books (queues.ts, losePlace). Only who has lost too
 * many is answered. A combo that does end its runners is found by its quarantine.
 */
export function loseStarts(
  state: PoolState,
  runner: Runner,
  failure: Failure,
  nowMs: number,
  effects: PoolEffect[],
): void {
  for (const [key, slot] of runner.combos) {
    if (!isStarting(slot)) continue;
    keepFailed(state, key, failure, nowMs);
    for (const waiter of state.queues.get(key)?.waiters ?? [])
      if (waiter.start?.runnerId === runner.id) waiter.lostStarts += 1;
    rejectWaiting(
      state,
      key,
      refusalAfter(state, key, failure, nowMs),
      effects,
      ({ lostStarts }) => lostStarts > MOST_LOST_STARTS,
    );
  }
}

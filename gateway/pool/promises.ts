import type { ComboKey, RequestId } from '../domain/ids.ts';
import { startOf, waiterOf } from './queries.ts';
import { headMs, oldestQueue } from './queues.ts';
import { type PoolState, type Runner, runnerOfCombo } from './state.ts';

/**
 * Promises a waiting request the runner and the kind that it would be served with now. One that waits for a free
 * sequence while somebody who came before it waits for room gets none: the runner may soon be that one's room. So
 * promises run out, and turns are taken.
 */
export function promise(state: PoolState, id: RequestId): void {
  const found = waiterOf(state, id);
  if (!found || !startOf(state, found.key, found.waiter)) return;
  const slot = runnerOfCombo(state, found.key)?.combos.get(found.key);
  found.waiter.promised ||= slot?.state !== 'ready' || !isRoomNeeded(state, found.waiter.arrivedMs);
}

/** Somebody who waits for the combo was promised it. */
export function isPromised(state: PoolState, key: ComboKey): boolean {
  return state.queues.get(key)?.waiters.some(({ promised }) => promised) ?? false;
}

export function holdsPromise(state: PoolState, runner: Runner): boolean {
  for (const key of runner.combos.keys()) if (isPromised(state, key)) return true;
  return false;
}

function isRoomNeeded(state: PoolState, beforeMs: number): boolean {
  for (const { queues } of state.unplaced.values()) if (headMs(oldestQueue(queues)) <= beforeMs) return true;
  return false;
}

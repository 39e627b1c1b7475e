import type { ComboKey, RequestId, RunnerId } from '../domain/ids.ts';
import { holderOn } from './holders.ts';
import { startOf, waiterOf } from './queries.ts';
import { headMs, oldestWant } from './queues.ts';
import type { PoolState, Runner } from './state.ts';

/**
 * Promises a waiting request the runner and the kind that it would be served with now. One that waits for a free
 * sequence while somebody who came before it waits for room gets none: the runner may soon be that one's room. So
 * promises run out, and turns are taken.
 */
export function promise(state: PoolState, id: RequestId): void {
  const found = waiterOf(state, id);
  if (!found || found.waiter.promised !== null) return;
  const start = startOf(state, found.key, found.waiter);
  if (!start) return;
  const isReady = holderOn(state, found.key, start.runnerId)?.slot.state === 'ready';
  if (!isReady || !isRoomNeeded(state, found.waiter.arrivedMs)) found.waiter.promised = start.runnerId;
}

/** Somebody who waits for the combo was promised this runner. */
export function isPromised(state: PoolState, key: ComboKey, id: RunnerId): boolean {
  return state.queues.get(key)?.waiters.some(({ promised }) => promised === id) ?? false;
}

export function holdsPromise(state: PoolState, runner: Runner): boolean {
  for (const key of runner.combos.keys()) if (isPromised(state, key, runner.id)) return true;
  return false;
}

function isRoomNeeded(state: PoolState, beforeMs: number): boolean {
  for (const { wants } of state.unplaced.values()) if (headMs(oldestWant(wants)) <= beforeMs) return true;
  return false;
}

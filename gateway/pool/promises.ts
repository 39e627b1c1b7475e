import type { ComboKey, RequestId, RunnerId } from '../domain/ids.ts';
import { holderOn } from './holders.ts';
import { firstMs } from './line.ts';
import { isFlexHeld } from './nextWaiters.ts';
import { startOf, waiterOf } from './queries.ts';
import type { PoolState, Runner } from './state.ts';

/**
 * Promises a waiting request the runner and the kind that it would be served with now. One that waits for a free
 * sequence while somebody who came before it waits for room gets none: the runner may soon be that one's room. So
 * promises run out, and turns are taken. Nor does flex work that is held.
 */
export function promise(state: PoolState, id: RequestId, nowMs: number): void {
  const found = waiterOf(state, id);
  const queue = found && state.queues.get(found.key);
  if (!queue || found.waiter.promised !== null) return;
  const start = startOf(state, queue.combo, found.waiter);
  const holder = start && holderOn(state, found.key, start.runnerId);
  if (!holder) return;
  const { runner, slot } = holder;
  if (slot.state === 'ready' && isRoomNeeded(state, found.waiter.lineMs)) return;
  // Flex work that is held, or was until now: the next tick grants it, or it gives way.
  if (slot.state === 'ready' && slot.active < slot.sequences) return;
  if (runner.state === 'ready' && found.waiter.tier === 'flex' && isFlexHeld(state, runner, nowMs)) return;
  found.waiter.promised = runner.id;
}

/** Somebody who waits for the combo was promised this runner. */
export function isPromised(state: PoolState, key: ComboKey, id: RunnerId): boolean {
  return state.queues.get(key)?.waiters.some(({ promised }) => promised === id) ?? false;
}

export function holdsPromise(state: PoolState, runner: Runner): boolean {
  if (state.queues.size === 0 || runner.combos.size === 0) return false;
  for (const key of runner.combos.keys()) if (isPromised(state, key, runner.id)) return true;
  return false;
}

function isRoomNeeded(state: PoolState, lineMs: number): boolean {
  return firstMs(state.unplaced.line) <= lineMs;
}

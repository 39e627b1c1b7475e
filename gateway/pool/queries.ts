import type { Combo } from '../domain/combo.ts';
import type { StartOutlook } from '../domain/cost.ts';
import type { FixedStart } from './effects.ts';
import { bestHolder, type Holder, holderOn } from './holders.ts';
import { servingBytes } from './memory.ts';
import type { PoolState, Waiter, WaitingIn, WaitingStart } from './state.ts';

/** null: no runner is chosen yet, or nobody of that id waits. Has no side effects. */
export function fixedStart(state: PoolState, waiterId: string): FixedStart | null {
  const found = waiterOf(state, waiterId);
  const queue = found && state.queues.get(found.key);
  return queue ? startOf(state, queue.combo, found.waiter) : null;
}

/** The same when it was promised; null otherwise. */
export function promisedStart(state: PoolState, waiterId: string): FixedStart | null {
  const isPromised = typeof waiterOf(state, waiterId)?.waiter.promised === 'string';
  return isPromised ? fixedStart(state, waiterId) : null;
}

/** One that waits, and what for. */
export function waiterOf(state: PoolState, waiterId: string): WaitingIn | undefined {
  return state.waitingIn.get(waiterId);
}

/** The same as fixedStart() of one that is known to wait for that combo. */
export function startOf(state: PoolState, combo: Combo, { start, promised }: Waiter): FixedStart | null {
  const holder = promised === null ? bestHolder(state, combo) : holderOn(state, combo.key, promised);
  return holder ? startOn(holder, start) : null;
}

/** What a request for the combo that came now would wait for, as things are. */
export function startOutlook(state: PoolState, combo: Combo): StartOutlook {
  const holder = bestHolder(state, combo);
  if (!holder) return 'own';
  return holder.slot.state === 'ready' ? 'none' : 'joined';
}

/** How one finds its combo there that waited for that start, or for none. */
export function startOn({ runner, slot }: Holder, start: WaitingStart | null): FixedStart {
  const { kind, joined, share = null } = start ?? { kind: 'warm', joined: false };
  return { runnerId: runner.id, kind, joined, share, deviceBytes: servingBytes(runner, slot) };
}

import type { RunnerId } from '../domain/ids.ts';
import type { StartKind } from '../domain/phases.ts';
import { type PoolState, runnerOfCombo } from './state.ts';

/** How a request that still waits will find its combo, once that is fixed. */
export interface FixedStart {
  readonly runnerId: RunnerId;
  readonly kind: StartKind;
  readonly joined: boolean;
}

/** null: no runner is chosen yet, or nobody of that id waits. Has no side effects. */
export function fixedStart(state: PoolState, waiterId: string): FixedStart | null {
  const key = state.waitingIn.get(waiterId);
  const runner = key === undefined ? undefined : runnerOfCombo(state, key);
  const slot = key === undefined ? undefined : runner?.combos.get(key);
  if (key === undefined || !runner || !slot || slot.state === 'detaching' || slot.state === 'draining')
    return null;
  const start = state.queues.get(key)?.waiters.find((waiter) => waiter.id === waiterId)?.start;
  return { runnerId: runner.id, kind: start?.kind ?? 'warm', joined: start?.joined ?? false };
}

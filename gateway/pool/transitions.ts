import type { RunnerId } from '../domain/ids.ts';
import { unmapPages } from './pages.ts';
import type { PoolState, Runner } from './state.ts';
import { isDecoding } from './threads.ts';
import { forgetUsable } from './usable.ts';

/** Every way a runner's state may change; `gone` is no entry any more. ARCHITECTURE.md's diagram is made from it. */
export const RUNNER_TRANSITIONS = {
  starting: ['standby', 'loading', 'stopping', 'gone'],
  standby: ['loading', 'stopping', 'gone'],
  loading: ['ready', 'stopping', 'gone'],
  ready: ['draining', 'dozing', 'stopping', 'gone'],
  dozing: ['asleep', 'stopping', 'gone'],
  asleep: ['loading', 'stopping', 'gone'],
  draining: ['stopping', 'gone'],
  stopping: ['gone'],
} as const satisfies Record<Runner['state'], readonly (Runner['state'] | 'gone')[]>;

/** How a runner comes into the books: spawned, or adopted from an earlier gateway. */
export const FIRST_RUNNER_STATES = [
  'starting',
  'standby',
  'ready',
  'asleep',
] as const satisfies readonly Runner['state'][];

/** Puts a runner into its next state. A transition that is not in the table is a broken invariant and throws. */
export function moveTo<T extends Runner>(state: PoolState, next: T): T {
  const current = state.runners.get(next.id);
  const allowed: readonly string[] = current ? RUNNER_TRANSITIONS[current.state] : FIRST_RUNNER_STATES;
  if (!allowed.includes(next.state)) {
    throw new Error(`Cannot move runner "${next.id}" from ${current?.state ?? 'nothing'} to ${next.state}`);
  }
  state.runners.set(next.id, next);
  if (current && isDecoding(current)) state.decodersChanged = true;
  forgetUsable(state, current, next);
  return next;
}

export function forget(state: PoolState, id: RunnerId): void {
  const runner = state.runners.get(id);
  if (runner) unmapPages(state, runner);
  state.runners.delete(id);
  if (runner && isDecoding(runner)) state.decodersChanged = true;
  forgetUsable(state, runner);
}

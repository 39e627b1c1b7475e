import type { StartShare } from '../domain/cost.ts';
import type { ComboKey } from '../domain/ids.ts';
import type { StartKind } from '../domain/phases.ts';
import type { PoolState, ReadyRunner, Waiter } from './state.ts';

/**
 * Who shares a start: the requests that wait for it in the moment in which it is ready, who began it first, the others by
 * their arrival. Who has left by then, and who comes later, has no share. One start of a base is one start, however many
 * combos waited for it; to attach a combo to a runner that is up is one of its own.
 */
export function shareStart(state: PoolState, runner: ReadyRunner, key: ComboKey, kind: StartKind): void {
  const isOfBase = kind !== 'attach';
  if (isOfBase) {
    if (runner.startShared) return;
    runner.startShared = true;
  }
  const keys = isOfBase ? [...runner.combos.keys()] : [key];
  const sharers = keys
    .flatMap((each) => state.queues.get(each)?.waiters ?? [])
    .filter((waiter) => waitsFor(waiter, runner, kind))
    .sort((one, other) => rank(one) - rank(other) || one.arrivedMs - other.arrivedMs);
  const [first] = sharers;
  if (!first) return;
  state.sharedStarts += 1;
  const startId = `${first.id}.${state.sharedStarts}`;
  for (const [index, waiter] of sharers.entries()) {
    const share: StartShare = { startId, of: sharers.length, index };
    if (waiter.start) waiter.start = { ...waiter.start, share };
  }
}

function waitsFor({ type, start }: Waiter, runner: ReadyRunner, kind: StartKind): boolean {
  return type === 'request' && start?.runnerId === runner.id && start.kind === kind;
}

function rank({ start }: Waiter): number {
  return start?.joined ? 1 : 0;
}

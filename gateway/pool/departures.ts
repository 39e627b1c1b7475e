import type { Combo } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';
import type { ComboKey, RequestId } from '../domain/ids.ts';
import { takeOverdue } from './deadlines.ts';
import type { PoolEffect } from './effects.ts';
import { chargeStart } from './fairness.ts';
import { bestHolder, holderOn } from './holders.ts';
import { isKept } from './keeps.ts';
import { waiterOf } from './queries.ts';
import { rejectWaiting, takeThese } from './queues.ts';
import { retryAfterMs } from './retryAfter.ts';
import { isStarting } from './startTimes.ts';
import type { PoolState, Waiter } from './state.ts';
import { stopRunner } from './stops.ts';

/** Takes the waiter out of its queue: its client has gone. A start that it began is kept or dropped by the settings. */
export function leave(state: PoolState, id: RequestId, nowMs: number, effects: PoolEffect[]): void {
  const found = waiterOf(state, id);
  const queue = found && state.queues.get(found.key);
  if (!queue) return;
  payForStart(state, found.key, found.waiter, nowMs);
  takeThese(state, queue, [found.waiter]);
  dropAbandoned(state, queue.combo, nowMs, effects);
}

/** Refuses those whose deadline has come. */
export function refuseOverdue(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  for (const id of takeOverdue(state, nowMs)) {
    const found = waiterOf(state, id);
    const queue = found && state.queues.get(found.key);
    if (!queue || found.waiter.deadlineAtMs > nowMs) continue;
    payForStart(state, found.key, found.waiter, nowMs);
    const failure = overdueFailure(state, queue.combo, found.waiter, nowMs);
    rejectWaiting(state, found.key, failure, effects, (waiter) => waiter === found.waiter);
    dropAbandoned(state, queue.combo, nowMs, effects);
  }
}

function overdueFailure(state: PoolState, combo: Combo, waiter: Waiter, nowMs: number): Failure {
  const isReady = bestHolder(state, combo)?.slot.state === 'ready';
  const what = isReady ? 'no free sequence' : 'not ready';
  const waitedMs = Math.round(nowMs - waiter.arrivedMs);
  return {
    code: isReady ? 'queue_exceeds_deadline' : 'start_exceeds_deadline',
    message: `Cannot serve "${combo.name}" by its deadline: ${what} after ${waitedMs} ms of waiting`,
    retryAfterMs: retryAfterMs(state, combo, nowMs),
  };
}

/** Who began a start and does not stay for its end has it on its account, too. */
function payForStart(state: PoolState, key: ComboKey, { account, start }: Waiter, nowMs: number): void {
  if (!account || !start || start.joined) return;
  const slot = holderOn(state, key, start.runnerId)?.slot;
  if (slot && isStarting(slot)) chargeStart(state, account, nowMs - slot.begunMs);
}

/**
 * A start that nobody waits for any more, where it is to be dropped: a runner that was started for nothing else stops. One
 * that attaches cannot be called back; comboReady() lets the combo go.
 */
function dropAbandoned(state: PoolState, combo: Combo, nowMs: number, effects: PoolEffect[]): void {
  const { key } = combo;
  if (state.settings.abandonedStarts === 'keep' || state.queues.has(key)) return;
  const holder = bestHolder(state, combo);
  if (holder?.slot.state !== 'wanted' || isKept(state, holder.runner, key)) return;
  const { runner } = holder;
  runner.combos.delete(key);
  // One that wakes was there before, and may as well be awake.
  if (runner.state === 'loading' && runner.kind === 'wake') return;
  if (runner.combos.size === 0) stopRunner(state, runner, 'abandoned', nowMs, effects);
}

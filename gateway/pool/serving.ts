import type { Failure } from '../domain/errors.ts';
import type { ComboKey, RequestId } from '../domain/ids.ts';
import { requestId } from '../domain/ids.ts';
import type { PoolEffect } from './effects.ts';
import { makeRoom } from './room.ts';
import { startCombo } from './starts.ts';
import { type PoolState, type ReadyRunner, type ReadySlot, runnerOfCombo, type Waiter } from './state.ts';
import { detach, stopRunner } from './stops.ts';

/** Gives every queue what there is for it now: grants first, then starts, then room for what found none. */
export function serveQueues(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  if (state.queues.size === 0) return;
  let unplaced = false;
  for (const [key, queue] of state.queues) {
    const runner = runnerOfCombo(state, key);
    const slot = runner?.combos.get(key);
    if (!slot) unplaced = !startCombo(state, queue, nowMs, effects) || unplaced;
    else if (runner?.state === 'ready' && slot.state === 'ready')
      grantWaiting(state, runner, slot, nowMs, effects);
  }
  if (unplaced) makeRoom(state, nowMs, effects);
}

/** Grants from the front of the queue while the combo has sequences free. Orders are answered without one. */
function grantWaiting(
  state: PoolState,
  runner: ReadyRunner,
  slot: ReadySlot,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const { key, model } = slot.combo;
  const queue = state.queues.get(key);
  if (!queue) return;
  let taken = 0;
  for (const waiter of queue.waiters) {
    if (waiter.type === 'request' && slot.active >= model.sequences) break;
    taken += 1;
    grantOne(state, runner, slot, waiter, nowMs, effects);
  }
  unqueue(state, key, queue.waiters.splice(0, taken));
}

function grantOne(
  state: PoolState,
  runner: ReadyRunner,
  slot: ReadySlot,
  waiter: Waiter,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const { kind, joined } = waiter.start ?? { kind: 'warm', joined: false };
  slot.lastUsedMs = nowMs;
  runner.lastUsedMs = nowMs;
  if (waiter.type === 'order') {
    const answer = { ok: true, value: { order: 'warm', runnerId: runner.id, kind } } as const;
    effects.push({ type: 'answer', orderId: waiter.id, answer });
    return;
  }
  slot.active += 1;
  runner.active += 1;
  slot.keepAliveMs = waiter.keepAliveMs ?? slot.combo.model.idleTtlMs ?? Number.POSITIVE_INFINITY;
  const id = requestId(waiter.id);
  state.granted.set(id, { runnerId: runner.id, comboKey: slot.combo.key });
  effects.push({ type: 'grant', requestId: id, runnerId: runner.id, kind, joined });
}

/** Frees the sequence of a granted request; lets the combo go when it asked for that, the runner when it drains. */
export function endRequest(state: PoolState, id: RequestId, nowMs: number, effects: PoolEffect[]): void {
  const grant = state.granted.get(id);
  if (!grant) return;
  state.granted.delete(id);
  const runner = state.runners.get(grant.runnerId);
  const slot = runner?.combos.get(grant.comboKey);
  if (!runner || (runner.state !== 'ready' && runner.state !== 'draining')) return;
  runner.active -= 1;
  if (runner.state === 'ready') runner.lastUsedMs = nowMs;
  if (slot?.state === 'ready') {
    slot.active -= 1;
    slot.lastUsedMs = nowMs;
    const wanted = state.queues.has(grant.comboKey);
    if (slot.keepAliveMs === 0 && slot.active === 0 && !wanted && runner.state === 'ready') {
      detach(runner, slot, effects);
    }
  }
  if (runner.state === 'draining' && runner.active === 0)
    stopRunner(state, runner, runner.reason, nowMs, effects);
}

/** Answers everybody who waits for a combo with the same failure. */
export function rejectWaiting(
  state: PoolState,
  key: ComboKey,
  failure: Failure,
  effects: PoolEffect[],
): void {
  const queue = state.queues.get(key);
  if (!queue) return;
  rejectWaiters(state, key, queue.waiters.splice(0), failure, effects);
}

/** Answers some who waited for a combo, already taken out of its list. */
export function rejectWaiters(
  state: PoolState,
  key: ComboKey,
  waiters: readonly Waiter[],
  failure: Failure,
  effects: PoolEffect[],
): void {
  for (const waiter of waiters) {
    if (waiter.type === 'request') effects.push({ type: 'reject', requestId: requestId(waiter.id), failure });
    else effects.push({ type: 'answer', orderId: waiter.id, answer: { ok: false, error: failure } });
  }
  unqueue(state, key, waiters);
}

function unqueue(state: PoolState, key: ComboKey, waiters: readonly Waiter[]): void {
  for (const waiter of waiters) state.waitingIn.delete(waiter.id);
  state.waiting -= waiters.length;
  if (state.queues.get(key)?.waiters.length === 0) state.queues.delete(key);
}

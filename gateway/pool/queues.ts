import type { Combo } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';
import { type ComboKey, type RunnerId, requestId } from '../domain/ids.ts';
import { isCurrentCombo, staleFailure } from './current.ts';
import { forgetAnswered, watchDeadline } from './deadlines.ts';
import type { PoolEffect } from './effects.ts';
import { beginWaiting, endWaiting } from './fairness.ts';
import { canFit, capacityFailure } from './fit.ts';
import { bestHolder, isHeld } from './holders.ts';
import { startOf } from './queries.ts';
import { withRetryAfter } from './retryAfter.ts';
import type { PoolState, Waiter, WaitQueue } from './state.ts';
import { countIn, countOut, noTenants } from './tenants.ts';
import { takePlace } from './tiers.ts';
import { markPlaced, standAnew, wantPlace } from './wants.ts';

// The books of who waits: only this file adds to and takes from `queues`, `waitingIn`, `waiting` and `flexWaiting`.

/** Adds a waiter to its combo's line, behind the others of its tier. One that meets a start under way joins it. */
export function enqueue(
  state: PoolState,
  combo: Combo,
  asked: Pick<Waiter, 'type' | 'id' | 'keepAliveMs' | 'tier' | 'account' | 'deadlineAtMs'>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  if (state.waitingIn.has(asked.id)) throw new Error(`Cannot queue "${asked.id}": that id waits already`);
  const { type, id, tier, account, deadlineAtMs, keepAliveMs } = asked;
  const waiter: Waiter = {
    type,
    id,
    arrivedMs: nowMs,
    tier,
    lineMs: takePlace(state, tier, nowMs),
    account,
    deadlineAtMs,
    keepAliveMs,
    waitsSinceMs: nowMs,
    start: null,
    lostStarts: 0,
    promised: null,
  };
  joinStart(state, combo, [waiter]);
  const queue = state.queues.get(combo.key);
  if (queue) join(state, queue, waiter);
  else open(state, combo, waiter);
  state.waitingIn.set(waiter.id, { key: combo.key, waiter });
  state.waiting += 1;
  if (waiter.tier === 'flex') state.flexWaiting += 1;
  if (waiter.account) beginWaiting(state, waiter.account);
  watchDeadline(state, waiter);
  if (!queue) waitForRoom(state, combo.key, effects);
}

/** They wait on the start of the combo that is under way, which another one began; on none when a runner has it ready. */
function joinStart(state: PoolState, combo: Combo, waiters: readonly Waiter[]): void {
  const holder = bestHolder(state, combo);
  const slot = holder?.slot;
  if (!holder || (slot?.state !== 'wanted' && slot?.state !== 'attaching')) return;
  for (const waiter of waiters) waiter.start = { runnerId: holder.runner.id, kind: slot.kind, joined: true };
}

function open(state: PoolState, combo: Combo, first: Waiter): void {
  const tenants = noTenants();
  countIn(tenants, first);
  state.queues.set(combo.key, { type: 'queue', combo, waiters: [first], tenants });
}

/** Interactive waiters stand before flex ones: from the end, since those who come now are mostly the last. */
function join(state: PoolState, queue: WaitQueue, waiter: Waiter): void {
  const { waiters } = queue;
  let at = waiters.length;
  while (at > 0 && (waiters[at - 1]?.lineMs ?? 0) > waiter.lineMs) at -= 1;
  waiters.splice(at, 0, waiter);
  countIn(queue.tenants, waiter);
  if (at === 0) standAnew(state, queue);
}

/** Takes out those of which it is true, in their order. */
export function takeOut(state: PoolState, queue: WaitQueue, leaves: (waiter: Waiter) => boolean): Waiter[] {
  const leaving = queue.waiters.filter(leaves);
  takeThese(state, queue, leaving);
  return leaving;
}

/** Takes out those that are given, who wait in it. */
export function takeThese(state: PoolState, queue: WaitQueue, leaving: readonly Waiter[]): void {
  if (leaving.length === 0) return;
  removeFrom(queue.waiters, leaving);
  for (const waiter of leaving) {
    const { id, account, tier } = waiter;
    state.waitingIn.delete(id);
    countOut(queue.tenants, waiter);
    if (tier === 'flex') state.flexWaiting -= 1;
    if (account) endWaiting(state, account);
  }
  state.waiting -= leaving.length;
  forgetAnswered(state);
  if (queue.waiters.length === 0) {
    state.queues.delete(queue.combo.key);
    markPlaced(state, queue);
  } else standAnew(state, queue);
}

/** One is looked up, many are taken out in one pass: a queue may be long. */
function removeFrom(waiters: Waiter[], leaving: readonly Waiter[]): void {
  if (leaving.length === 1) {
    for (const waiter of leaving) waiters.splice(waiters.indexOf(waiter), 1);
    return;
  }
  const isLeaving = new Set(leaving);
  let staying = 0;
  for (const waiter of waiters) {
    if (isLeaving.size > 0 && isLeaving.delete(waiter)) continue;
    waiters[staying] = waiter;
    staying += 1;
  }
  waiters.length = staying;
}

/** Answers those who wait for a combo and are `meant`, all unless given, with the same failure. */
export function rejectWaiting(
  state: PoolState,
  key: ComboKey,
  cause: Failure,
  effects: PoolEffect[],
  meant: (waiter: Waiter) => boolean = () => true,
): void {
  const queue = state.queues.get(key);
  if (!queue) return;
  const failure = withRetryAfter(state, queue.combo, cause);
  for (const waiter of takeOut(state, queue, meant)) {
    if (waiter.type === 'request') {
      const start = startOf(state, queue.combo, waiter);
      effects.push({ type: 'reject', requestId: requestId(waiter.id), failure, start });
    } else effects.push({ type: 'answer', orderId: waiter.id, answer: { ok: false, error: failure } });
  }
}

/**
 * Who waits for a combo that no runner has a slot for (any more) waits for the next start. Of a combo that is not
 * current, or that can never have room beside what is pinned, there is none: its waiters are answered. Nothing to do
 * while a runner has a slot.
 */
export function waitForRoom(state: PoolState, key: ComboKey, effects: PoolEffect[]): void {
  const queue = state.queues.get(key);
  if (!queue || isHeld(state, queue.combo)) return;
  const { combo } = queue;
  if (!isCurrentCombo(combo, state.catalogue))
    return rejectWaiting(state, key, staleFailure(combo, state.catalogue), effects);
  if (!canFit(state, combo)) return rejectWaiting(state, key, capacityFailure(state, combo), effects);
  for (const waiter of queue.waiters) waiter.start = null;
  wantPlace(state, queue);
}

/** A start of the combo has begun that nobody of its queue began: those who wait on none join it. */
export function joinPlaced(state: PoolState, key: ComboKey): void {
  const queue = state.queues.get(key);
  if (!queue) return;
  const left = queue.waiters.filter(({ start, promised }) => start === null && promised === null);
  joinStart(state, queue.combo, left);
  markPlaced(state, queue);
}

/** The runner serves the combo no more: those who were promised it are answered, others wait for another one. */
export function losePlace(state: PoolState, key: ComboKey, runnerId: RunnerId, effects: PoolEffect[]): void {
  const queue = state.queues.get(key);
  if (!queue) return;
  rejectPromised(state, queue, runnerId, effects);
  if (!isHeld(state, queue.combo)) return waitForRoom(state, key, effects);
  const isLost = ({ start }: Waiter): boolean => start === null || start.runnerId === runnerId;
  const left = queue.waiters.filter((waiter) => waiter.promised === null && isLost(waiter));
  joinStart(state, queue.combo, left);
}

/** Who was told a runner that has gone cannot be served by another: what its client was told would be untrue. */
function rejectPromised(state: PoolState, queue: WaitQueue, runnerId: RunnerId, effects: PoolEffect[]): void {
  const message = `Cannot serve "${queue.combo.name}": the runner that was to serve it has gone`;
  for (const { id } of takeOut(state, queue, ({ promised }) => promised === runnerId)) {
    const failure = { code: 'runner_died', message } as const;
    effects.push({ type: 'reject', requestId: requestId(id), failure, start: null });
  }
}

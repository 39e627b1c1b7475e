import type { Combo } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';
import { type ComboKey, type RequestId, type RunnerId, requestId } from '../domain/ids.ts';
import { isCurrentCombo, staleFailure } from './current.ts';
import type { PoolEffect } from './effects.ts';
import { canFit, capacityFailure } from './fit.ts';
import { bestHolder, isHeld } from './holders.ts';
import { startOf } from './queries.ts';
import {
  baseKey,
  type PoolState,
  type ReadyRunner,
  type Waiter,
  type WaitQueue,
  type Want,
} from './state.ts';

// The books of who waits: only this file adds to and takes from `queues`, `unplaced`, `waitingIn` and `waiting`.

/** Adds a waiter behind the others of its combo. One that meets a start under way joins it. */
export function enqueue(
  state: PoolState,
  combo: Combo,
  asked: Pick<Waiter, 'type' | 'id' | 'keepAliveMs'>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  if (state.waitingIn.has(asked.id)) throw new Error(`Cannot queue "${asked.id}": that id waits already`);
  const waiter: Waiter = { ...asked, arrivedMs: nowMs, waitsSinceMs: nowMs, start: null, promised: null };
  joinStart(state, combo.key, [waiter]);
  const queue = state.queues.get(combo.key);
  if (queue) queue.waiters.push(waiter);
  else state.queues.set(combo.key, { type: 'queue', combo, waiters: [waiter] });
  state.waitingIn.set(waiter.id, combo.key);
  state.waiting += 1;
  if (!queue) waitForRoom(state, combo.key, effects);
}

/** They wait on the start of the combo that is under way, which another one began; on none when a runner has it ready. */
function joinStart(state: PoolState, key: ComboKey, waiters: readonly Waiter[]): void {
  const holder = bestHolder(state, key);
  const slot = holder?.slot;
  if (!holder || (slot?.state !== 'wanted' && slot?.state !== 'attaching')) return;
  for (const waiter of waiters) waiter.start = { runnerId: holder.runner.id, kind: slot.kind, joined: true };
}

/** Takes the waiter out of its queue: its client has gone. A start that it began goes on for the next one. */
export function leave(state: PoolState, id: RequestId): void {
  const key = state.waitingIn.get(id);
  const queue = key === undefined ? undefined : state.queues.get(key);
  if (queue) takeOut(state, queue, (waiter) => waiter.id === id);
}

/** Takes the first `count` out, in their order. */
function takeFirst(state: PoolState, queue: WaitQueue, count: number): Waiter[] {
  const taken = queue.waiters.splice(0, count);
  for (const waiter of taken) state.waitingIn.delete(waiter.id);
  state.waiting -= taken.length;
  if (queue.waiters.length === 0) {
    state.queues.delete(queue.combo.key);
    markPlaced(state, queue);
  }
  return taken;
}

/** Takes out those of which it is true, in their order. */
export function takeOut(state: PoolState, queue: WaitQueue, leaves: (waiter: Waiter) => boolean): Waiter[] {
  const leaving = queue.waiters.filter(leaves);
  if (leaving.length === 0) return leaving;
  const staying = queue.waiters.filter((waiter) => !leaving.includes(waiter));
  queue.waiters.splice(0, queue.waiters.length, ...leaving, ...staying);
  return takeFirst(state, queue, leaving.length);
}

/** Answers the first `count` who wait for a combo, all unless given, with the same failure. */
export function rejectWaiting(
  state: PoolState,
  key: ComboKey,
  failure: Failure,
  effects: PoolEffect[],
  count = Number.POSITIVE_INFINITY,
): void {
  const queue = state.queues.get(key);
  if (!queue) return;
  for (const waiter of takeFirst(state, queue, Math.min(count, queue.waiters.length))) {
    if (waiter.type === 'request') {
      const start = startOf(state, key, waiter);
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
  if (!queue || isHeld(state, key)) return;
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
  joinStart(state, key, left);
  markPlaced(state, queue);
}

/** The runner serves the combo no more: those who were promised it are answered, others wait for another one. */
export function losePlace(state: PoolState, key: ComboKey, runnerId: RunnerId, effects: PoolEffect[]): void {
  const queue = state.queues.get(key);
  if (!queue) return;
  rejectPromised(state, queue, runnerId, effects);
  if (!isHeld(state, key)) return waitForRoom(state, key, effects);
  const isLost = ({ start }: Waiter): boolean => start === null || start.runnerId === runnerId;
  const left = queue.waiters.filter((waiter) => waiter.promised === null && isLost(waiter));
  joinStart(state, key, left);
}

/** Who was told a runner that has gone cannot be served by another: what its client was told would be untrue. */
function rejectPromised(state: PoolState, queue: WaitQueue, runnerId: RunnerId, effects: PoolEffect[]): void {
  const message = `Cannot serve "${queue.combo.name}": the runner that was to serve it has gone`;
  for (const { id } of takeOut(state, queue, ({ promised }) => promised === runnerId)) {
    const failure = { code: 'runner_died', message } as const;
    effects.push({ type: 'reject', requestId: requestId(id), failure, start: null });
  }
}

/** Puts it among those that want a place. */
export function wantPlace(state: PoolState, want: Want): void {
  const base = baseKey(want.combo.model);
  const unplaced = state.unplaced.get(base);
  if (unplaced) unplaced.wants.add(want);
  else state.unplaced.set(base, { model: want.combo.model, wants: new Set([want]) });
}

/** Its start has begun, or nobody wants it any more. */
export function markPlaced(state: PoolState, want: Want): void {
  if (state.unplaced.size === 0) return;
  const base = baseKey(want.combo.model);
  const unplaced = state.unplaced.get(base);
  if (unplaced?.wants.delete(want) && unplaced.wants.size === 0) state.unplaced.delete(base);
}

/** Since when it is wanted: when the first of a queue arrived. */
export function headMs(want: Want | undefined): number {
  if (want?.type === 'replica') return want.sinceMs;
  return want?.waiters[0]?.arrivedMs ?? Number.POSITIVE_INFINITY;
}

/** The one that has been wanted for longest. */
export function oldestWant(wants: Iterable<Want>): Want | undefined {
  let oldest: Want | undefined;
  for (const want of wants) if (!oldest || headMs(want) < headMs(oldest)) oldest = want;
  return oldest;
}

/** When the first of those arrived that wait for any combo of the runner's base. */
export function longestWaitMs(state: PoolState, runner: ReadyRunner): number {
  let firstMs = headMs(oldestWant(state.unplaced.get(baseKey(runner.model))?.wants ?? []));
  for (const key of runner.combos.keys()) firstMs = Math.min(firstMs, headMs(state.queues.get(key)));
  return firstMs;
}

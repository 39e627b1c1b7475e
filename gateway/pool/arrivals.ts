import type { Combo } from '../domain/combo.ts';
import type { RequestId } from '../domain/ids.ts';
import type { PoolEffect } from './effects.ts';
import type { PoolEvent } from './events.ts';
import { type PoolState, runnerOfCombo, type Waiter } from './state.ts';

type Arrival = Extract<PoolEvent, { type: 'requestArrived' }>;

/** Queues a request, or refuses it when the queue is full or the gateway ends. Serving is the next step of decide. */
export function arrive(state: PoolState, event: Arrival, nowMs: number, effects: PoolEffect[]): void {
  const { requestId, combo } = event;
  if (state.shuttingDown) {
    const failure = {
      code: 'shutting_down',
      message: 'Cannot serve request: the gateway is shutting down',
    } as const;
    effects.push({ type: 'reject', requestId, failure });
    return;
  }
  const { queueLimit, queueLimitPerCombo } = state.settings;
  const inCombo = state.queues.get(combo.key)?.waiters.length ?? 0;
  if (state.waiting >= queueLimit || inCombo >= queueLimitPerCombo) {
    const message =
      inCombo >= queueLimitPerCombo
        ? `Cannot queue request for "${combo.name}": ${inCombo} are waiting, expected at most ${queueLimitPerCombo}`
        : `Cannot queue request: ${state.waiting} are waiting, expected at most ${queueLimit}`;
    effects.push({ type: 'reject', requestId, failure: { code: 'queue_full', message, retryAfterMs: 1000 } });
    return;
  }
  enqueue(state, combo, {
    type: 'request',
    id: requestId,
    arrivedMs: nowMs,
    keepAliveMs: event.keepAliveMs,
    start: null,
  });
}

/** Adds a waiter behind the others of its combo. One that meets a start under way joins it. */
export function enqueue(state: PoolState, combo: Combo, waiter: Waiter): void {
  const slot = runnerOfCombo(state, combo.key)?.combos.get(combo.key);
  if (slot && (slot.state === 'wanted' || slot.state === 'attaching'))
    waiter.start = { kind: slot.kind, joined: true };
  const queue = state.queues.get(combo.key);
  if (queue) queue.waiters.push(waiter);
  else state.queues.set(combo.key, { combo, waiters: [waiter] });
  state.waitingIn.set(waiter.id, combo.key);
  state.waiting += 1;
}

/** Takes the waiter out of its queue: its client has gone. A start that it began goes on for the next one. */
export function leave(state: PoolState, id: RequestId): void {
  const key = state.waitingIn.get(id);
  const queue = key === undefined ? undefined : state.queues.get(key);
  if (key === undefined || !queue) return;
  const index = queue.waiters.findIndex((waiter) => waiter.id === id);
  if (index >= 0) queue.waiters.splice(index, 1);
  if (queue.waiters.length === 0) state.queues.delete(key);
  state.waitingIn.delete(id);
  state.waiting -= 1;
}

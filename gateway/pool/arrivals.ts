import type { PoolEffect } from './effects.ts';
import type { PoolEvent } from './events.ts';
import { enqueue } from './queues.ts';
import { grantWaiting } from './serving.ts';
import type { PoolState } from './state.ts';

type Arrival = Extract<PoolEvent, { type: 'requestArrived' }>;

/** Grants a request what is ready, queues it otherwise; refuses it when the queue is full or the gateway ends. */
export function arrive(state: PoolState, event: Arrival, nowMs: number, effects: PoolEffect[]): void {
  const { requestId, combo, keepAliveMs } = event;
  if (state.granted.has(requestId)) throw new Error(`Cannot queue "${requestId}": that id runs already`);
  if (state.shuttingDown) {
    const failure = {
      code: 'shutting_down',
      message: 'Cannot serve request: the gateway is shutting down',
    } as const;
    effects.push({ type: 'reject', requestId, failure, start: null });
    return;
  }
  const { queueLimit, queueLimitPerCombo } = state.settings;
  const inCombo = state.queues.get(combo.key)?.waiters.length ?? 0;
  if (state.waiting >= queueLimit || inCombo >= queueLimitPerCombo) {
    const message =
      inCombo >= queueLimitPerCombo
        ? `Cannot queue request for "${combo.name}": ${inCombo} are waiting, expected at most ${queueLimitPerCombo}`
        : `Cannot queue request: ${state.waiting} are waiting, expected at most ${queueLimit}`;
    const failure = { code: 'queue_full', message, retryAfterMs: 1000 } as const;
    effects.push({ type: 'reject', requestId, failure, start: null });
    return;
  }
  enqueue(state, combo, { type: 'request', id: requestId, keepAliveMs }, nowMs, effects);
  grantWaiting(state, combo.key, nowMs, effects);
}

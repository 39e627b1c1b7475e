import type { Combo } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';
import { isCurrentCombo } from './current.ts';
import type { PoolEffect } from './effects.ts';
import { estimateWait } from './estimates.ts';
import type { PoolEvent } from './events.ts';
import { type Account, accountOf } from './fairness.ts';
import { isHeld } from './holders.ts';
import { orderWaiter } from './orders.ts';
import { queueFullFailure } from './queueLimits.ts';
import { enqueue } from './queues.ts';
import { retryAfterMs, withRetryAfter } from './retryAfter.ts';
import { grantWaiting } from './serving.ts';
import type { PoolState } from './state.ts';
import { PLAIN_TERMS, type WaitTerms } from './terms.ts';

type Arrival = Extract<PoolEvent, { type: 'requestArrived' }>;

/**
 * Grants a request what is ready, queues it otherwise; refuses it when the queue is full, its deadline cannot be met or
 * the gateway ends.
 */
export function arrive(state: PoolState, event: Arrival, nowMs: number, effects: PoolEffect[]): void {
  const { requestId, combo, keepAliveMs, terms = PLAIN_TERMS } = event;
  if (state.granted.has(requestId)) throw new Error(`Cannot queue "${requestId}": that id runs already`);
  const account = accountOf(state, terms.tenant, terms.weight, nowMs);
  const failure =
    shuttingDown(state) ??
    queueFullFailure(state, combo, account, nowMs) ??
    deadlineFailure(state, combo, account, terms, nowMs);
  if (failure) {
    effects.push({ type: 'reject', requestId, failure: withRetryAfter(state, combo, failure), start: null });
    if (failure.code === 'start_exceeds_deadline') startForNext(state, combo, terms, nowMs, effects);
    return;
  }
  const { tier, deadlineAtMs } = terms;
  const asked = { type: 'request', id: requestId, keepAliveMs, tier, account, deadlineAtMs } as const;
  enqueue(state, combo, asked, nowMs, effects);
  grantWaiting(state, combo.key, nowMs, effects);
}

/**
 * Whoever was refused for the length of the start was told when to come again: the start begins, or it would be refused
 * then, too. Not where starts for nobody are to be dropped.
 */
function startForNext(
  state: PoolState,
  combo: Combo,
  { tier }: WaitTerms,
  nowMs: number,
  effects: PoolEffect[],
): void {
  if (state.settings.abandonedStarts === 'drop' || isHeld(state, combo)) return;
  if (state.queues.has(combo.key) || !isCurrentCombo(combo, state.catalogue)) return;
  enqueue(state, combo, { ...orderWaiter(`next ${combo.key}`), tier }, nowMs, effects);
}

function shuttingDown(state: PoolState): Failure | null {
  if (!state.shuttingDown) return null;
  return { code: 'shutting_down', message: 'Cannot serve request: the gateway is shutting down' };
}

/** Whoever cannot be served in time by what was measured need not wait to hear that. */
function deadlineFailure(
  state: PoolState,
  combo: Combo,
  account: Account,
  { tier, deadlineAtMs }: WaitTerms,
  nowMs: number,
): Failure | null {
  if (deadlineAtMs === Number.POSITIVE_INFINITY) return null;
  const { startMs, queueMs } = estimateWait(state, combo, account, tier, nowMs);
  const leftMs = deadlineAtMs - nowMs;
  if (leftMs > 0 && startMs + queueMs <= leftMs) return null;
  const isStart = startMs > leftMs || queueMs === 0;
  const parts = `start ${Math.round(startMs)}, queue ${Math.round(queueMs)}`;
  return {
    code: isStart ? 'start_exceeds_deadline' : 'queue_exceeds_deadline',
    message: `Cannot serve "${combo.name}" by its deadline: it takes ${Math.round(startMs + queueMs)} ms (${parts}), expected at most ${Math.max(0, Math.round(leftMs))} ms`,
    retryAfterMs: retryAfterMs(state, combo, nowMs),
  };
}

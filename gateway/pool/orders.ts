import { unavailability } from '../domain/availability.ts';
import type { Combo } from '../domain/combo.ts';
import type { RunnerId } from '../domain/ids.ts';
import type { PoolEffect } from './effects.ts';
import { holdersOf, readyHolders } from './holders.ts';
import { answerOrder, orderedRunner, refuseOrder } from './orderAnswers.ts';
import { allowStart, lift, quarantineKey } from './quarantine.ts';
import { enqueue } from './queues.ts';
import { answerOrders } from './serving.ts';
import type { PoolState, Runner } from './state.ts';
import { detach, drainRunner, stopRunner } from './stops.ts';
import { PLAIN_TERMS } from './terms.ts';

/** An order to warm waits in the combo's queue like a request, but takes no sequence and is not refused by limits. */
export function warm(
  state: PoolState,
  orderId: string,
  combo: Combo,
  nowMs: number,
  effects: PoolEffect[],
): void {
  if (state.shuttingDown) {
    const message = `Cannot warm "${combo.name}": the gateway is shutting down`;
    return refuseOrder(orderId, { code: 'shutting_down', message }, effects);
  }
  const missing = unavailability(combo, state.store !== null);
  if (missing) return refuseOrder(orderId, missing, effects);
  allowStart(state, combo, nowMs);
  enqueue(state, combo, orderWaiter(orderId), nowMs, effects);
  const ready = readyHolders(state, combo)[0];
  if (!ready) return;
  ready.slot.lastUsedMs = nowMs;
  ready.runner.lastUsedMs = nowMs;
  answerOrders(state, ready.runner, combo.key, effects);
}

/** Lets an idle combo go from all its runners. Idempotent; `conflict` while it is pinned, used or waited for. */
export function evict(
  state: PoolState,
  orderId: string,
  combo: Combo,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const why = whyKept(state, combo);
  if (why) {
    const message = `Cannot evict "${combo.name}": it is ${why}`;
    return refuseOrder(orderId, { code: 'conflict', message }, effects);
  }
  const ready = readyHolders(state, combo);
  for (const { runner, slot } of ready) detach(runner, slot, nowMs, effects);
  answerOrder(orderId, { order: 'evict', evicted: ready.length > 0 }, effects);
}

function whyKept(state: PoolState, combo: Combo): string | null {
  if (state.keeps.has(combo.key)) return 'pinned';
  for (const { slot } of holdersOf(state, combo)) {
    if ((slot.state === 'ready' || slot.state === 'draining') && slot.active > 0) return 'busy';
    if (slot.state === 'wanted' || slot.state === 'attaching') return 'being started';
  }
  return state.queues.has(combo.key) ? 'waited for' : null;
}

/** No new work for the runner; it goes when what runs has ended, or its time is over. Idempotent. */
export function drain(
  state: PoolState,
  orderId: string,
  id: RunnerId,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const runner = orderedRunner(state, orderId, id, `Cannot drain runner "${id}"`, effects);
  if (!runner) return;
  if (runner.state === 'ready') drainRunner(state, runner, 'drained', nowMs, effects);
  else if (runner.state === 'draining') limitDrain(runner, nowMs);
  else stopRunner(state, runner, 'drained', nowMs, effects);
  const left = state.runners.get(id)?.state === 'draining' ? 'draining' : 'stopping';
  answerOrder(orderId, { order: 'drain', state: left }, effects);
}

/** One that drains to be replaced has no limit; from now on it has. */
function limitDrain(runner: Extract<Runner, { state: 'draining' }>, nowMs: number): void {
  if (runner.reason !== 'replaced' && runner.reason !== 'stale') return;
  runner.reason = 'drained';
  runner.sinceMs = nowMs;
}

/** Ends the quarantine of a combo and of its base. Idempotent. */
export function liftQuarantine(state: PoolState, orderId: string, combo: Combo, effects: PoolEffect[]): void {
  const own = lift(state, combo.key, 'operator', effects);
  const base = lift(state, quarantineKey(combo.model), 'operator', effects);
  answerOrder(orderId, { order: 'lift', lifted: own || base }, effects);
}

/** It stands with the interactive requests, has no deadline, and is nobody's to pay for. */
export function orderWaiter(id: string): Parameters<typeof enqueue>[2] {
  const { tier, deadlineAtMs } = PLAIN_TERMS;
  return { type: 'order', id, keepAliveMs: undefined, tier, account: null, deadlineAtMs };
}

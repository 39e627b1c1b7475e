import type { Failure } from '../domain/errors.ts';
import type { PoolEffect } from './effects.ts';
import { dropStale } from './revisions.ts';
import { comboFailed, runnerFailed } from './runners.ts';
import { rejectWaiters, rejectWaiting } from './serving.ts';
import { isIdle, type PoolState, type ReadyRunner, type Runner } from './state.ts';
import { detach, drainRunner, stopRunner } from './stops.ts';

/** What time alone changes: starts that take too long, waits that do, and what has been idle for its ttl. */
export function expire(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  dropStale(state, nowMs, effects);
  for (const runner of [...state.runners.values()]) {
    failLateStart(state, runner, nowMs, effects);
    const current = state.runners.get(runner.id);
    if (current?.state === 'ready') letIdleGo(state, current, nowMs, effects);
  }
  rejectLateWaiters(state, nowMs, effects);
}

function failLateStart(state: PoolState, runner: Runner, nowMs: number, effects: PoolEffect[]): void {
  const limitMs = state.settings.startTimeoutMs;
  if ((runner.state === 'starting' || runner.state === 'loading') && nowMs - runner.sinceMs >= limitMs) {
    const doing = runner.state === 'starting' ? 'ready for orders' : 'loaded';
    const message = `Cannot start "${runner.model.id}": not ${doing} after ${limitMs} ms`;
    runnerFailed(state, runner.id, { code: 'start_timed_out', message }, nowMs, effects);
    return;
  }
  const late = [...runner.combos.values()].filter(
    (slot) => slot.state === 'attaching' && nowMs - slot.sinceMs >= limitMs,
  );
  for (const { combo } of late) {
    const message = `Cannot attach "${combo.name}": not ready after ${limitMs} ms`;
    const failure: Failure = { code: 'start_timed_out', message };
    comboFailed(state, { type: 'comboFailed', runnerId: runner.id, comboKey: combo.key, failure }, effects);
  }
  // It does not answer orders: what it holds is of no more use, but requests that run may finish.
  if (late.length > 0 && runner.state === 'ready') drainRunner(state, runner, 'failed', nowMs, effects);
}

/** Idle combos past their keep-alive go; a runner without combos goes when its base's own ttl is over. */
function letIdleGo(state: PoolState, runner: ReadyRunner, nowMs: number, effects: PoolEffect[]): void {
  let kept = 0;
  const expired = [];
  for (const slot of runner.combos.values()) {
    const idle = slot.state === 'ready' && slot.active === 0 && !state.queues.has(slot.combo.key);
    if (idle && nowMs - slot.lastUsedMs >= slot.keepAliveMs) expired.push(slot);
    else kept += 1;
  }
  const baseTtlMs = runner.model.idleTtlMs ?? Number.POSITIVE_INFINITY;
  if (kept === 0 && isIdle(runner) && nowMs - runner.lastUsedMs >= baseTtlMs) {
    stopRunner(state, runner, 'idle', nowMs, effects);
    return;
  }
  for (const slot of expired) detach(runner, slot, effects);
}

function rejectLateWaiters(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  const limitMs = state.settings.startTimeoutMs;
  for (const [key, { combo, waiters }] of [...state.queues]) {
    const late = waiters.filter((waiter) => nowMs - waiter.arrivedMs >= limitMs);
    if (late.length === 0) continue;
    const message = `Cannot serve "${combo.name}": no capacity after ${limitMs} ms of waiting`;
    const failure: Failure = { code: 'no_capacity', message, retryAfterMs: 1000 };
    waiters.splice(0, waiters.length, ...waiters.filter((waiter) => !late.includes(waiter)));
    rejectWaiters(state, key, late, failure, effects);
  }
}

/** Nobody new is served, who waits is answered, who runs may finish. */
export function shutDown(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  state.shuttingDown = true;
  const failure: Failure = {
    code: 'shutting_down',
    message: 'Cannot serve request: the gateway is shutting down',
  };
  for (const key of [...state.queues.keys()]) rejectWaiting(state, key, failure, effects);
  for (const runner of [...state.runners.values()]) {
    if (runner.state === 'ready') drainRunner(state, runner, 'shutdown', nowMs, effects);
    else stopRunner(state, runner, 'shutdown', nowMs, effects);
  }
}

import type { Failure } from '../domain/errors.ts';
import type { DeviceName } from '../domain/ids.ts';
import { liftSound } from './blame.ts';
import { isCovered, NO_BYTES } from './bytes.ts';
import type { PoolEffect, StopReason } from './effects.ts';
import { isKept } from './keeps.ts';
import { refuseLate } from './lateWaiters.ts';
import { missingBytes } from './memory.ts';
import { makeMemoryRoom } from './memoryRoom.ts';
import { forgetOld } from './quarantine.ts';
import { rejectWaiting } from './queues.ts';
import { dropStale } from './revisions.ts';
import { refuseCombo, runnerFailed } from './runners.ts';
import { hasHostRoom, maySleep, sleepRunner } from './sleep.ts';
import { orderedSince } from './slots.ts';
import { noteSlowStarts } from './slowStarts.ts';
import { isIdle, type PoolState, type ReadyRunner, type RestingRunner, type Runner } from './state.ts';
import { detach, drainRunner, stopRunner } from './stops.ts';
import { takeTurns } from './turns.ts';
import { dropReplicas } from './upkeep.ts';

/** What time alone changes: starts and waits that take too long, what was idle for its ttl, whose turn it is. */
export function expire(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  dropStale(state, nowMs, effects);
  liftSound(state, nowMs, effects);
  forgetOld(state, nowMs, effects);
  noteSlowStarts(state, nowMs, effects);
  // Each as it is when its turn comes: what one before it did may have changed it.
  for (const runner of state.runners.values()) {
    if (runner.state === 'starting' || runner.state === 'loading')
      failLateStart(state, runner, nowMs, effects);
    else if (runner.state === 'draining') endLongDrain(state, runner, nowMs, effects);
    else if (runner.state === 'dozing' || runner.state === 'asleep') endRest(state, runner, nowMs, effects);
    else if (runner.state === 'ready' && !failLateCombos(state, runner, nowMs, effects))
      letIdleGo(state, runner, nowMs, effects);
  }
  refuseLate(state, nowMs, effects);
  takeTurns(state, nowMs, effects);
  coverBudgets(state, nowMs, effects);
}

/** Runners that turned out to hold more than was predicted. */
function coverBudgets(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  const cover = (device: DeviceName | null): void => {
    const missing = missingBytes(state, NO_BYTES, device);
    // What is left of one budget makes up for nothing in the other.
    if (!isCovered(missing)) makeMemoryRoom(state, missing, device, null, nowMs, effects);
  };
  cover(null);
  for (const device of state.devices.keys()) cover(device);
}

function failLateStart(
  state: PoolState,
  runner: Extract<Runner, { state: 'starting' | 'loading' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const { startTimeoutMs, spawnTimeoutMs } = state.settings;
  // No probe reaches a process before it has shaken hands: one that hangs until then is found by this.
  const limitMs = runner.state === 'starting' ? Math.min(spawnTimeoutMs, startTimeoutMs) : startTimeoutMs;
  if (nowMs - runner.sinceMs < limitMs) return;
  const what = runner.model === null ? 'a standby' : `"${runner.model.id}"`;
  const doing = runner.state === 'starting' ? 'ready for orders' : 'loaded';
  const message = `Cannot start ${what}: not ${doing} after ${limitMs} ms`;
  runnerFailed(state, runner.id, { code: 'start_timed_out', message }, nowMs, effects);
}

/** A runner that does not answer orders takes no new ones, but its requests may finish. True when it is such a one. */
function failLateCombos(
  state: PoolState,
  runner: ReadyRunner,
  nowMs: number,
  effects: PoolEffect[],
): boolean {
  const limitMs = state.settings.startTimeoutMs;
  if (nowMs - runner.combos.sums.orderedMs < limitMs) return false;
  let isLate = false;
  for (const slot of runner.combos.values()) {
    const sinceMs = orderedSince(slot);
    if (sinceMs === null || nowMs - sinceMs < limitMs) continue;
    isLate = true;
    const message = `Cannot attach "${slot.combo.name}": not ready after ${limitMs} ms`;
    const failure: Failure = { code: 'start_timed_out', message };
    if (slot.state === 'attaching') refuseCombo(state, runner, slot.combo, failure, nowMs, effects);
  }
  if (isLate) drainRunner(state, runner, 'failed', nowMs, effects);
  return isLate;
}

/** Who runs on a runner that hangs, that an operator drains, or when the gateway ends, may finish for so long. */
const HAS_LIMIT: ReadonlySet<StopReason> = new Set(['failed', 'drained', 'shutdown']);

/** Others drain without a limit. */
function endLongDrain(
  state: PoolState,
  runner: Extract<Runner, { state: 'draining' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const hasLimit = HAS_LIMIT.has(runner.reason);
  if (hasLimit && nowMs - runner.sinceMs >= state.settings.drainTimeoutMs)
    stopRunner(state, runner, runner.reason, nowMs, effects);
}

/** Idle combos past their keep-alive go (but for those that held flex work waits for); a runner without combos goes when its base's own ttl is over. */
function letIdleGo(state: PoolState, runner: ReadyRunner, nowMs: number, effects: PoolEffect[]): void {
  if (nowMs < idleFromMs(runner)) return;
  let keepsOne = false;
  const expired = [];
  for (const [key, slot] of runner.combos) {
    const isUnused = slot.state === 'ready' && slot.active === 0 && !state.queues.has(key);
    const isExpired = isUnused && nowMs - slot.lastUsedMs >= slot.keepAliveMs;
    if (isExpired && !isKept(state, runner, key)) expired.push(slot);
    else keepsOne = true;
  }
  const baseTtlMs = runner.model.idleTtlMs ?? Number.POSITIVE_INFINITY;
  const isUnused = !keepsOne && isIdle(runner);
  if (isUnused && nowMs - runner.lastUsedMs >= baseTtlMs) stopRunner(state, runner, 'idle', nowMs, effects);
  else if (isTired(state, runner, nowMs)) sleepRunner(state, runner, nowMs, effects);
  else for (const slot of expired) detach(runner, slot, nowMs, effects);
}

/** Before that neither the runner nor a combo of it has been idle for long enough. */
function idleFromMs({ model, combos, lastUsedMs }: ReadyRunner): number {
  const { idleTtlMs, sleepAfterMs } = model;
  const leastMs = Math.min(idleTtlMs ?? Number.POSITIVE_INFINITY, sleepAfterMs ?? Number.POSITIVE_INFINITY);
  return Math.min(lastUsedMs + leastMs, combos.sums.idleFromMs);
}

/** Idle long enough to sleep, by its model; nothing on it was to stay longer than its model says, nor is kept or waited for. */
function isTired(state: PoolState, runner: ReadyRunner, nowMs: number): boolean {
  const { sleepAfterMs, idleTtlMs } = runner.model;
  if (sleepAfterMs === null || nowMs - runner.lastUsedMs < sleepAfterMs || !isIdle(runner)) return false;
  for (const [key, slot] of runner.combos) {
    if (state.queues.has(key) || isKept(state, runner, key)) return false;
    if (slot.state === 'ready' && slot.keepAliveMs > (idleTtlMs ?? Number.POSITIVE_INFINITY)) return false;
  }
  return maySleep(state, runner) && hasHostRoom(state, runner);
}

/** One that sleeps goes when its base's ttl is over; one that does not fall asleep does not answer orders. */
function endRest(state: PoolState, runner: RestingRunner, nowMs: number, effects: PoolEffect[]): void {
  const { id, model, sinceMs, lastUsedMs } = runner;
  const { startTimeoutMs } = state.settings;
  if (runner.state === 'dozing' && nowMs - sinceMs >= startTimeoutMs) {
    const message = `Cannot put "${model.id}" to sleep: not asleep after ${startTimeoutMs} ms`;
    runnerFailed(state, id, { code: 'start_timed_out', message }, nowMs, effects);
  } else if (runner.state === 'asleep' && nowMs - lastUsedMs >= (model.idleTtlMs ?? Number.POSITIVE_INFINITY))
    stopRunner(state, runner, 'idle', nowMs, effects);
}

/** Nobody new is served, who waits is answered, who runs may finish. */
export function shutDown(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  if (state.shuttingDown) return;
  state.shuttingDown = true;
  const message = 'Cannot serve request: the gateway is shutting down';
  for (const key of [...state.queues.keys()])
    rejectWaiting(state, key, { code: 'shutting_down', message }, effects);
  dropReplicas(state, () => true);
  for (const runner of [...state.runners.values()]) {
    if (runner.state === 'draining') {
      runner.reason = 'shutdown';
      runner.sinceMs = nowMs;
    } else if (runner.state === 'ready') drainRunner(state, runner, 'shutdown', nowMs, effects);
    else stopRunner(state, runner, 'shutdown', nowMs, effects);
  }
}

import type { Combo } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';
import type { ComboKey, RunnerId } from '../domain/ids.ts';
import type { PoolEffect } from './effects.ts';
import type { PoolEvent } from './events.ts';
import { newWorth } from './eviction.ts';
import { holdersOf } from './holders.ts';
import { keepFailed, keepLost } from './keeps.ts';
import { measureContext, measureWeights } from './memory.ts';
import { losePlace, rejectWaiting } from './queues.ts';
import { answerOrders, grantWaiting } from './serving.ts';
import { countLoss, forgetLosses, isSuspect, isUnclaimed } from './standbys.ts';
import { attach, load } from './starts.ts';
import type { PoolState, Runner } from './state.ts';
import { stopRunner } from './stops.ts';
import { forget, moveTo } from './transitions.ts';
import { upkeep } from './upkeep.ts';
import { firstKeepAliveMs } from './warmAhead.ts';

/** The process takes orders: it loads the base that it was spawned for, or waits for one as a standby. */
export function runnerUp(state: PoolState, id: RunnerId, nowMs: number, effects: PoolEffect[]): void {
  const runner = state.runners.get(id);
  if (runner?.state !== 'starting') return;
  const { model, combos } = runner;
  if (model === null) {
    moveTo(state, { id, model, combos, state: 'standby', sinceMs: nowMs });
    effects.push({ type: 'note', note: 'standby_ready', runnerId: id });
  } else load(state, { id, model, combos }, null, nowMs, effects);
}

/** The base is there: every combo that was wanted on this runner is attached. */
export function runnerLoaded(
  state: PoolState,
  id: RunnerId,
  weightBytes: number,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const runner = state.runners.get(id);
  if (runner?.state !== 'loading') return;
  forgetLosses(state);
  measureWeights(state, runner.model, weightBytes);
  const { model, combos, threads } = runner;
  const ready = moveTo(state, {
    id,
    model,
    combos,
    state: 'ready',
    weightBytes,
    worth: newWorth(state, 'bases', nowMs - runner.sinceMs, nowMs),
    threads,
    active: 0,
    lastUsedMs: nowMs,
  });
  effects.push({ type: 'note', note: 'runner_ready', runnerId: id, detail: { base: model.id, weightBytes } });
  for (const slot of [...combos.values()]) {
    if (slot.state === 'wanted') attach(ready, slot, nowMs, effects);
  }
}

/** Who waited for the start is served, and who waits on for a free sequence waits from now. */
export function comboReady(
  state: PoolState,
  event: Extract<PoolEvent, { type: 'comboReady' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const runner = state.runners.get(event.runnerId);
  const slot = runner?.combos.get(event.comboKey);
  if (runner?.state !== 'ready' || slot?.state !== 'attaching') return;
  const { combo } = slot;
  runner.combos.set(event.comboKey, {
    state: 'ready',
    combo,
    kvBytes: event.kvBytes,
    computeBytes: event.computeBytes,
    worth: newWorth(state, 'combos', nowMs - slot.sinceMs, nowMs),
    active: 0,
    lastUsedMs: nowMs,
    keepAliveMs: firstKeepAliveMs(state, combo, nowMs),
  });
  const { kvBytes, computeBytes } = event;
  measureContext(state, combo.model, kvBytes, computeBytes);
  effects.push({
    type: 'note',
    note: 'combo_ready',
    runnerId: runner.id,
    combo: combo.name,
    detail: { kvBytes, computeBytes },
  });
  for (const waiter of state.queues.get(combo.key)?.waiters ?? []) waiter.waitsSinceMs = nowMs;
  answerOrders(state, runner, combo.key, effects);
  grantWaiting(state, combo.key, nowMs, effects);
}

/** The combo cannot be attached; who waited for it is answered, the runner goes on. */
export function comboFailed(
  state: PoolState,
  event: Extract<PoolEvent, { type: 'comboFailed' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const runner = state.runners.get(event.runnerId);
  const slot = runner?.combos.get(event.comboKey);
  if (!runner || slot?.state !== 'attaching') return;
  refuseCombo(state, runner, slot.combo, event.failure, nowMs, effects);
  runner.combos.delete(event.comboKey);
}

/** The runner cannot serve the combo: who waits for it is answered, unless another runner does. */
export function refuseCombo(
  state: PoolState,
  runner: Runner,
  { key, name }: Combo,
  failure: Failure,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const detail = { code: failure.code, message: failure.message };
  effects.push({ type: 'note', note: 'combo_failed', runnerId: runner.id, combo: name, detail });
  startFailed(state, runner, key, failure, nowMs, effects);
}

/** Answers everybody who waits for the combo, unless another runner serves it or will. */
function startFailed(
  state: PoolState,
  { id, combos }: Runner,
  key: ComboKey,
  failure: Failure,
  nowMs: number,
  effects: PoolEffect[],
): void {
  keepFailed(state, key, failure, nowMs);
  if (!holdersOf(state, key).some(({ runner }) => runner.id !== id)) {
    rejectWaiting(state, key, failure, effects);
    return;
  }
  combos.delete(key);
  losePlace(state, key, id, effects);
}

export function comboDetached(state: PoolState, id: RunnerId, key: ComboKey, effects: PoolEffect[]): void {
  const runner = state.runners.get(id);
  const slot = runner?.combos.get(key);
  if (!runner || slot?.state !== 'detaching') return;
  runner.combos.delete(key);
  effects.push({ type: 'note', note: 'combo_detached', runnerId: id, combo: slot.combo.name });
  losePlace(state, key, id, effects);
}

/**
 * A start that failed answers everybody who waits for it, unless the standby that it took is suspect; a ready runner that
 * failed is replaced for who waits.
 */
export function runnerFailed(
  state: PoolState,
  id: RunnerId,
  failure: Failure,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const runner = state.runners.get(id);
  if (!runner || runner.state === 'stopping') return;
  const detail = { code: failure.code, message: failure.message, state: runner.state };
  effects.push({ type: 'note', note: 'runner_failed', runnerId: id, detail });
  if (isUnclaimed(runner)) countLoss(state, runner, failure, nowMs, effects);
  if (!isSuspect(runner, failure, nowMs)) answerStarts(state, runner, failure, nowMs, effects);
  noteLosses(state, runner, failure, nowMs);
  stopRunner(state, runner, 'failed', nowMs, effects);
}

/** The process is gone: what it held is gone. Granted requests are ended by the shell, which sees their sockets. */
export function runnerGone(
  state: PoolState,
  id: RunnerId,
  failure: Failure,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const runner = state.runners.get(id);
  if (!runner) return;
  const expected = runner.state === 'stopping';
  const detail = { message: failure.message, state: runner.state, expected };
  effects.push({ type: 'note', note: 'runner_exited', runnerId: id, detail });
  if (isUnclaimed(runner)) countLoss(state, runner, failure, nowMs, effects);
  if (!isSuspect(runner, failure, nowMs)) answerStarts(state, runner, failure, nowMs, effects);
  noteLosses(state, runner, failure, nowMs);
  forget(state, id);
  for (const key of runner.combos.keys()) losePlace(state, key, id, effects);
  upkeep(state, nowMs, effects);
}

/** What was ready on it and is kept is missing now. */
function noteLosses(state: PoolState, runner: Runner, failure: Failure, nowMs: number): void {
  if (state.keeps.size === 0) return;
  for (const [key, slot] of runner.combos)
    if (slot.state === 'ready') keepLost(state, key, slot.worth.readyMs, failure, nowMs);
}

/** Only combos whose start is under way on this runner: who waits for a free sequence is served by the next runner. */
function answerStarts(
  state: PoolState,
  runner: Runner,
  failure: Failure,
  nowMs: number,
  effects: PoolEffect[],
): void {
  for (const [key, slot] of [...runner.combos]) {
    if (slot.state !== 'wanted' && slot.state !== 'attaching') continue;
    startFailed(state, runner, key, failure, nowMs, effects);
  }
}

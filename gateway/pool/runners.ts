import type { Failure } from '../domain/errors.ts';
import type { ComboKey, RunnerId } from '../domain/ids.ts';
import type { PoolEffect } from './effects.ts';
import type { PoolEvent } from './events.ts';
import { rejectWaiting } from './serving.ts';
import { attach } from './starts.ts';
import type { PoolState } from './state.ts';
import { stopRunner } from './stops.ts';
import { threadShare } from './threads.ts';
import { forget, moveTo } from './transitions.ts';

export function runnerUp(state: PoolState, id: RunnerId, nowMs: number, effects: PoolEffect[]): void {
  const runner = state.runners.get(id);
  if (runner?.state !== 'starting') return;
  const { model, combos } = runner;
  const threads = threadShare(state, model, 1);
  moveTo(state, { id, model, combos, state: 'loading', sinceMs: nowMs, threads });
  effects.push({ type: 'load', runnerId: id, model, threads });
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
  const { model, combos, threads } = runner;
  const ready = moveTo(state, {
    id,
    model,
    combos,
    state: 'ready',
    weightBytes,
    threads,
    active: 0,
    lastUsedMs: nowMs,
  });
  effects.push({ type: 'note', note: 'runner_ready', runnerId: id, detail: { base: model.id, weightBytes } });
  for (const slot of [...combos.values()]) {
    if (slot.state === 'wanted') attach(ready, slot.combo, slot.kind, nowMs, effects);
  }
}

export function comboReady(
  state: PoolState,
  event: Extract<PoolEvent, { type: 'comboReady' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const runner = state.runners.get(event.runnerId);
  const slot = runner?.combos.get(event.comboKey);
  if (!runner || slot?.state !== 'attaching') return;
  const { combo } = slot;
  runner.combos.set(event.comboKey, {
    state: 'ready',
    combo,
    kvBytes: event.kvBytes,
    computeBytes: event.computeBytes,
    active: 0,
    lastUsedMs: nowMs,
    keepAliveMs: combo.model.idleTtlMs ?? Number.POSITIVE_INFINITY,
  });
  const { kvBytes, computeBytes } = event;
  effects.push({
    type: 'note',
    note: 'combo_ready',
    runnerId: runner.id,
    combo: combo.name,
    detail: { kvBytes, computeBytes },
  });
}

/** The combo cannot be attached; who waited for it is answered, the runner goes on. */
export function comboFailed(
  state: PoolState,
  event: Extract<PoolEvent, { type: 'comboFailed' }>,
  effects: PoolEffect[],
): void {
  const runner = state.runners.get(event.runnerId);
  const slot = runner?.combos.get(event.comboKey);
  if (!runner || slot?.state !== 'attaching') return;
  runner.combos.delete(event.comboKey);
  const detail = { code: event.failure.code, message: event.failure.message };
  effects.push({ type: 'note', note: 'combo_failed', runnerId: runner.id, combo: slot.combo.name, detail });
  rejectWaiting(state, event.comboKey, event.failure, effects);
}

export function comboDetached(state: PoolState, id: RunnerId, key: ComboKey, effects: PoolEffect[]): void {
  const runner = state.runners.get(id);
  const slot = runner?.combos.get(key);
  if (!runner || slot?.state !== 'detaching') return;
  runner.combos.delete(key);
  effects.push({ type: 'note', note: 'combo_detached', runnerId: id, combo: slot.combo.name });
}

/** A start that failed answers everybody who waits for it; a ready runner that failed is replaced for who waits. */
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
  answerStarts(state, id, failure, effects);
  stopRunner(state, runner, 'failed', nowMs, effects);
}

/** The process is gone: what it held is gone. Granted requests are ended by the shell, which sees their sockets. */
export function runnerGone(state: PoolState, id: RunnerId, failure: Failure, effects: PoolEffect[]): void {
  const runner = state.runners.get(id);
  if (!runner) return;
  const expected = runner.state === 'stopping';
  const detail = { message: failure.message, state: runner.state, expected };
  effects.push({ type: 'note', note: 'runner_exited', runnerId: id, detail });
  answerStarts(state, id, failure, effects);
  forget(state, id);
}

/** Only combos whose start is under way on this runner: who waits for a free sequence is served by the next runner. */
function answerStarts(state: PoolState, id: RunnerId, failure: Failure, effects: PoolEffect[]): void {
  for (const [key, slot] of state.runners.get(id)?.combos ?? []) {
    if (slot.state === 'wanted' || slot.state === 'attaching') rejectWaiting(state, key, failure, effects);
    else forgetStarts(state, key);
  }
}

/** Who had joined a start that ended, and still waits, will be marked by the next one. */
function forgetStarts(state: PoolState, key: ComboKey): void {
  for (const waiter of state.queues.get(key)?.waiters ?? []) waiter.start = null;
}

import type { PoolEffect, StopReason } from './effects.ts';
import type { ComboSlot, PoolState, Runner } from './state.ts';
import { moveTo } from './transitions.ts';

/** Orders the process to end. The runner stays in the books until its exit is a fact. */
export function stopRunner(
  state: PoolState,
  runner: Runner,
  reason: StopReason,
  nowMs: number,
  effects: PoolEffect[],
): void {
  if (runner.state === 'stopping') return;
  const { id, model } = runner;
  moveTo(state, { id, model, combos: new Map(), state: 'stopping', sinceMs: nowMs });
  const graceMs = reason === 'failed' || reason === 'unreachable' ? 0 : state.settings.drainTimeoutMs;
  effects.push({ type: 'stop', runnerId: id, graceMs, reason });
  effects.push({ type: 'note', note: 'runner_stopping', runnerId: id, detail: { reason, base: model.id } });
}

/** No new work; the runner stops when the last granted request has ended. At once when there is none. */
export function drainRunner(
  state: PoolState,
  runner: Extract<Runner, { state: 'ready' }>,
  reason: StopReason,
  nowMs: number,
  effects: PoolEffect[],
): void {
  if (runner.active === 0) {
    stopRunner(state, runner, reason, nowMs, effects);
    return;
  }
  const { id, model, combos, weightBytes, threads, active } = runner;
  moveTo(state, { id, model, combos, state: 'draining', weightBytes, threads, active, reason });
  effects.push({ type: 'note', note: 'runner_draining', runnerId: id, detail: { reason, active } });
}

/** Orders the runner to let an idle combo go; its base stays. */
export function detach(
  runner: Runner,
  slot: Extract<ComboSlot, { state: 'ready' }>,
  effects: PoolEffect[],
): void {
  const { combo } = slot;
  runner.combos.set(combo.key, { state: 'detaching', combo });
  effects.push({ type: 'detach', runnerId: runner.id, comboKey: combo.key });
}

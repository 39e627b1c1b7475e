import type { Combo } from '../domain/combo.ts';
import type { StartKind } from '../domain/phases.ts';
import type { PoolEffect } from './effects.ts';
import { nextRunnerId, type PoolState, type Runner, runnerOfBase, type WaitQueue } from './state.ts';
import { detach } from './stops.ts';
import { moveTo } from './transitions.ts';

/**
 * Begins the one start of a combo that nobody begins yet: attached to the runner of its base, or on a new runner.
 * False when there is no room; the queue then waits for makeRoom.
 */
export function startCombo(
  state: PoolState,
  queue: WaitQueue,
  nowMs: number,
  effects: PoolEffect[],
): boolean {
  const { combo } = queue;
  const runner = runnerOfBase(state, combo.model);
  if (runner) return startOnRunner(state, runner, queue, nowMs, effects);
  if (state.runners.size >= state.settings.maxRunners) return false;
  const id = nextRunnerId(state);
  const started = moveTo(state, {
    id,
    model: combo.model,
    combos: new Map(),
    state: 'starting',
    sinceMs: nowMs,
  });
  started.combos.set(combo.key, { state: 'wanted', combo, kind: 'cold' });
  markWaiters(queue, 'cold', false);
  effects.push({ type: 'spawn', runnerId: id, model: combo.model });
  effects.push({ type: 'note', note: 'runner_spawned', runnerId: id, combo: combo.name });
  return true;
}

/** True also when the runner's combos are all busy: room comes from them, not from another runner. */
function startOnRunner(
  state: PoolState,
  runner: Runner,
  queue: WaitQueue,
  nowMs: number,
  effects: PoolEffect[],
): boolean {
  const { combo } = queue;
  if (!hasComboRoom(state, runner, effects)) return true;
  if (runner.state === 'ready') {
    attach(runner, combo, 'attach', nowMs, effects);
    markWaiters(queue, 'attach', false);
  } else {
    // Somebody else's start of the base is under way: this combo joins it.
    runner.combos.set(combo.key, { state: 'wanted', combo, kind: 'cold' });
    markWaiters(queue, 'cold', true);
  }
  return true;
}

/** Orders the runner to attach the combo. */
export function attach(
  runner: Runner,
  combo: Combo,
  kind: StartKind,
  nowMs: number,
  effects: PoolEffect[],
): void {
  runner.combos.set(combo.key, { state: 'attaching', combo, kind, sinceMs: nowMs });
  effects.push({ type: 'attach', runnerId: runner.id, combo });
  effects.push({ type: 'note', note: 'combo_attaching', runnerId: runner.id, combo: combo.name });
}

/** Room for one more combo; the least recently used idle one goes when the runner is full. */
function hasComboRoom(state: PoolState, runner: Runner, effects: PoolEffect[]): boolean {
  let held = 0;
  let oldest: { lastUsedMs: number; slot: Parameters<typeof detach>[1] } | undefined;
  for (const [key, slot] of runner.combos) {
    if (slot.state !== 'detaching') held += 1;
    if (slot.state !== 'ready' || slot.active > 0 || state.queues.has(key)) continue;
    if (!oldest || slot.lastUsedMs < oldest.lastUsedMs) oldest = { lastUsedMs: slot.lastUsedMs, slot };
  }
  if (held < state.settings.maxCombosPerRunner) return true;
  if (!oldest) return false;
  detach(runner, oldest.slot, effects);
  return true;
}

/** The first of the queue began the start, the others joined it; all join when the base's start is another's. */
function markWaiters(queue: WaitQueue, kind: StartKind, allJoined: boolean): void {
  for (const [index, waiter] of queue.waiters.entries())
    waiter.start = { kind, joined: allJoined || index > 0 };
}

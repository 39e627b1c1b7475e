import type { Combo } from '../domain/combo.ts';
import type { StartKind } from '../domain/phases.ts';
import type { PoolEffect } from './effects.ts';
import { markPlaced } from './queues.ts';
import { nextRunnerId, type PoolState, type Runner, type WaitQueue } from './state.ts';
import { moveTo } from './transitions.ts';

/** Begins a start from nothing: a new runner, whose first combo is the queue's. */
export function startRunner(
  state: PoolState,
  queue: WaitQueue,
  nowMs: number,
  effects: PoolEffect[],
): Runner {
  const { combo } = queue;
  const id = nextRunnerId(state);
  const runner = moveTo(state, {
    id,
    model: combo.model,
    combos: new Map(),
    state: 'starting',
    sinceMs: nowMs,
  });
  runner.combos.set(combo.key, { state: 'wanted', combo, kind: 'cold' });
  place(state, queue, 'cold', false);
  effects.push({ type: 'spawn', runnerId: id, model: combo.model });
  effects.push({ type: 'note', note: 'runner_spawned', runnerId: id, combo: combo.name });
  return runner;
}

/** Begins a start on the runner of its base: attached now, or as soon as the base is there. */
export function startOnRunner(
  state: PoolState,
  runner: Runner,
  queue: WaitQueue,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const { combo } = queue;
  if (runner.state === 'ready') {
    attach(runner, combo, 'attach', nowMs, effects);
    place(state, queue, 'attach', false);
  } else {
    // Somebody else's start of the base is under way: this combo joins it.
    runner.combos.set(combo.key, { state: 'wanted', combo, kind: 'cold' });
    place(state, queue, 'cold', true);
  }
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
  effects.push({ type: 'attach', runnerId: runner.id, combo, kind });
  effects.push({ type: 'note', note: 'combo_attaching', runnerId: runner.id, combo: combo.name });
}

/** The first of the queue began the start, the others joined it; all join when the base's start is another's. */
function place(state: PoolState, queue: WaitQueue, kind: StartKind, allJoined: boolean): void {
  for (const [index, waiter] of queue.waiters.entries())
    waiter.start = { kind, joined: allJoined || index > 0 };
  markPlaced(state, queue);
}

import type { PoolEffect } from './effects.ts';
import { oldestQueue } from './queues.ts';
import { makeComboRoom, makeRunnerRoom } from './room.ts';
import { startOnRunner, startRunner } from './starts.ts';
import {
  type PoolState,
  runnerOfBase,
  runnersWithBase,
  type UnplacedBase,
  type UsableRunner,
} from './state.ts';

/**
 * Begins the one start of every combo that waits for one: on the runner of its base, else on a new runner. What finds
 * no room has room made, and is placed by the event that brings it. The longest wait goes first.
 */
export function placeWaiting(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  if (state.unplaced.size === 0) return;
  const missing: UnplacedBase[] = [];
  for (const base of state.unplaced.values()) {
    const runner = runnerOfBase(state, base.model);
    if (runner) placeOn(state, runner, base, nowMs, effects);
    else missing.push(base);
  }
  let free = state.settings.maxRunners - runnersWithBase(state);
  for (; missing.length > 0 && free > 0; free -= 1) {
    const base = takeOldest(missing);
    const queue = oldestQueue(base.queues);
    if (queue) placeOn(state, startRunner(state, queue, nowMs, effects), base, nowMs, effects);
  }
  makeRunnerRoom(state, missing.length, nowMs, effects);
}

function placeOn(
  state: PoolState,
  runner: UsableRunner,
  base: UnplacedBase,
  nowMs: number,
  effects: PoolEffect[],
): void {
  while (runner.combos.size < state.settings.maxCombosPerRunner) {
    const queue = oldestQueue(base.queues);
    if (!queue) return;
    startOnRunner(state, runner, queue, nowMs, effects);
  }
  makeComboRoom(runner, base.queues.size, nowMs, effects);
}

function takeOldest(bases: UnplacedBase[]): UnplacedBase {
  const heads = new Map(bases.flatMap((base) => [...base.queues].map((queue) => [queue, base] as const)));
  const oldest = oldestQueue(heads.keys());
  const base = oldest && heads.get(oldest);
  if (!base) throw new Error('Cannot place a base: nobody waits for it');
  bases.splice(bases.indexOf(base), 1);
  return base;
}

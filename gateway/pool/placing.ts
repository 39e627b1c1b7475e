import type { PoolEffect } from './effects.ts';
import { capacityFailure, comboNeed, freeBytes, wholeNeed } from './memory.ts';
import { makeMemoryRoom } from './memoryRoom.ts';
import { headMs, oldestQueue, rejectWaiting } from './queues.ts';
import { makeComboRoom, makeRunnerRoom } from './room.ts';
import { startOnRunner, startRunner } from './starts.ts';
import { type PoolState, runnerOfBase, runnersWithBase, type UsableRunner, type WaitQueue } from './state.ts';
import type { Tier } from './terms.ts';
import { tierOf } from './tiers.ts';

/** A queue whose combo has a place: on the runner of its base, or on a new one. */
interface Placeable {
  readonly queue: WaitQueue;
  readonly runner: UsableRunner | undefined;
}

/** One that has a place and lacks memory. */
export interface Blocked extends Placeable {
  readonly missingBytes: number;
}

/**
 * Begins the one start of every combo that waits for one: on the runner of its base, else on a new runner. What finds
 * no room has room made, and is placed by the event that brings it. The first in line goes first (the longest wait; flex
 * work behind all interactive requests): while it lacks memory nobody takes that from it.
 */
export function placeWaiting(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  if (state.unplaced.size === 0) return;
  for (let next = nextToPlace(state); next; next = nextToPlace(state)) {
    const { queue, runner } = next;
    if (wholeNeed(state, queue.combo) > state.settings.memoryBytes) {
      rejectWaiting(state, queue.combo.key, capacityFailure(state, queue.combo), effects);
      continue;
    }
    const missingBytes = missingFor(state, next);
    if (missingBytes > 0) {
      makeMemoryRoom(state, missingBytes, { queue, runner }, nowMs, effects);
      break;
    }
    if (runner) startOnRunner(state, runner, queue, nowMs, effects);
    else startRunner(state, queue, nowMs, effects);
  }
  makePlaces(state, nowMs, effects);
}

/** The one that waits for memory; null: nobody, or somebody who can be placed or refused. */
export function blockedByMemory(state: PoolState): Blocked | null {
  const next = nextToPlace(state);
  const missingBytes = next ? missingFor(state, next) : 0;
  return next && missingBytes > 0 ? { ...next, missingBytes } : null;
}

function missingFor(state: PoolState, { queue: { combo }, runner }: Placeable): number {
  const need = runner ? comboNeed(state, combo, runner) : wholeNeed(state, combo);
  return need - freeBytes(state);
}

/** Of those that have a place the first in line. */
function nextToPlace(state: PoolState): Placeable | undefined {
  const mayStart = runnersWithBase(state) < state.settings.maxRunners;
  let next: Placeable | undefined;
  for (const { model, queues } of state.unplaced.values()) {
    const runner = runnerOfBase(state, model);
    const hasPlace = runner ? runner.combos.size < state.settings.maxCombosPerRunner : mayStart;
    const queue = hasPlace ? oldestQueue(queues) : undefined;
    if (queue && headMs(queue) < headMs(next?.queue)) next = { queue, runner };
  }
  return next;
}

/**
 * Those that wait for a place on a full runner, or for a runner, have idle ones give way. First for interactive requests
 * alone: what may go for them may not go for flex work.
 */
function makePlaces(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  makePlacesFor(state, 'interactive', nowMs, effects);
  if (state.flexWaiting > 0) makePlacesFor(state, 'flex', nowMs, effects);
}

function makePlacesFor(state: PoolState, tier: Tier, nowMs: number, effects: PoolEffect[]): void {
  let missing = runnersWithBase(state) - state.settings.maxRunners;
  for (const { model, queues } of state.unplaced.values()) {
    const wanted = countOf(state, queues, tier);
    const runner = runnerOfBase(state, model);
    if (!runner) missing += Math.min(1, wanted);
    else if (runner.state === 'ready' && runner.combos.size >= state.settings.maxCombosPerRunner)
      makeComboRoom(state, runner, wanted, tier, nowMs, effects);
  }
  makeRunnerRoom(state, missing, tier, nowMs, effects);
}

/** Queues that may have those leave who may leave for that tier: for flex work all. */
function countOf(state: PoolState, queues: ReadonlySet<WaitQueue>, tier: Tier): number {
  if (tier === 'flex' || state.flexWaiting === 0) return queues.size;
  let count = 0;
  for (const queue of queues) if (tierOf(headMs(queue)) === 'interactive') count += 1;
  return count;
}

import { basesWithRunners, runnersFor, runnersOf, withPlace } from './candidates.ts';
import type { PoolEffect } from './effects.ts';
import { canFit, capacityFailure } from './fit.ts';
import { comboNeed, freeBytes, wholeNeed } from './memory.ts';
import { makeMemoryRoom } from './memoryRoom.ts';
import { makePlaces } from './places.ts';
import { rejectWaiting } from './queues.ts';
import { refuseQuarantined } from './refusals.ts';
import { startOnRunner, startRunner } from './starts.ts';
import { type PoolState, runnersWithBase, type UsableRunner, type Want } from './state.ts';
import { runnersOfBase } from './usable.ts';
import { headMs, placeOf, type UnplacedBase } from './wants.ts';

/** A want whose combo has a place: on a runner of its base, or on a new one. */
interface Placeable {
  readonly want: Want;
  readonly runner: UsableRunner | undefined;
}

/** One that has a place and lacks memory. */
export interface Blocked extends Placeable {
  readonly missingBytes: number;
}

/**
 * Begins the one start of every combo that waits for one, and those of missing replicas: on a runner of its base, else on
 * a new runner. What finds no room has room made, and is placed by the event that brings it. The first in line goes first
 * (the longest wait; flex work behind all interactive requests): while it lacks memory nobody takes that from it.
 */
export function placeWaiting(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  if (state.unplaced.bases.size === 0) return;
  refuseQuarantined(state, (want) => needsNewRunner(state, want), nowMs, effects);
  for (let before = -1; effects.length > before; ) {
    placeAll(state, nowMs, effects);
    before = effects.length;
    makePlaces(state, nowMs, effects);
    // Who has given way for a place may have left what was missing to the memory of another.
  }
  // Who waited for a place on a runner that has just given way needs its base anew.
  refuseQuarantined(state, (want) => needsNewRunner(state, want), nowMs, effects);
}

/** Until one lacks memory, which is made for it. */
function placeAll(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  for (let next = nextToPlace(state); next; next = nextToPlace(state)) {
    const { want, runner } = next;
    if (want.type === 'queue' && !canFit(state, want.combo)) {
      rejectWaiting(state, want.combo.key, capacityFailure(state, want.combo), effects);
      continue;
    }
    const missingBytes = missingFor(state, next);
    if (missingBytes > 0) {
      makeMemoryRoom(state, missingBytes, { want, runner }, nowMs, effects);
      break;
    }
    if (runner) startOnRunner(state, runner, want, nowMs, effects);
    else startRunner(state, want, nowMs, effects);
  }
}

/** No runner of its base may take it on: a new one has to load the base. */
export function needsNewRunner(state: PoolState, want: Want): boolean {
  return runnersFor(state, runnersOfBase(state, want.combo.model), want).length === 0;
}

/** The one that waits for memory; null: nobody, or somebody who can be placed or refused. */
export function blockedByMemory(state: PoolState): Blocked | null {
  const next = nextToPlace(state);
  const missingBytes = next ? missingFor(state, next) : 0;
  return next && missingBytes > 0 ? { ...next, missingBytes } : null;
}

function missingFor(state: PoolState, { want: { combo }, runner }: Placeable): number {
  const need = runner ? comboNeed(state, combo, runner) : wholeNeed(state, combo);
  return need - freeBytes(state);
}

/** Of those that have a place the first in line. */
function nextToPlace(state: PoolState): Placeable | undefined {
  const mayStart = runnersWithBase(state) < state.settings.maxRunners;
  let next: Placeable | undefined;
  for (const base of mayStart ? state.unplaced.line.items : basesWithRunners(state)) {
    if (placeOf(base) >= headMs(next?.want)) {
      if (mayStart) break;
      continue;
    }
    const found = firstPlaceable(state, base, mayStart);
    if (headMs(found?.want) < headMs(next?.want)) next = found;
  }
  return next;
}

function firstPlaceable(state: PoolState, base: UnplacedBase, mayStart: boolean): Placeable | undefined {
  const runners = runnersOf(state, base);
  const [queue] = base.queues.items;
  // A place for one of the queues is one for all.
  const ofQueues = queue && placeFor(state, runners, queue, mayStart);
  for (const replica of base.replicas.items) {
    if (replica.sinceMs >= headMs(ofQueues?.want)) break;
    const ofReplica = placeFor(state, runners, replica, mayStart);
    if (ofReplica) return ofReplica;
  }
  return ofQueues;
}

function placeFor(
  state: PoolState,
  runners: readonly UsableRunner[],
  want: Want,
  mayStart: boolean,
): Placeable | undefined {
  const candidates = runnersFor(state, runners, want);
  const runner = withPlace(state, candidates);
  return runner || (candidates.length === 0 && mayStart) ? { want, runner } : undefined;
}

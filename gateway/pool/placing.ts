import type { DeviceName } from '../domain/ids.ts';
import { type Bytes, isCovered } from './bytes.ts';
import { areAlike, basesWithRunners, runnersFor, runnersOf, withPlace } from './candidates.ts';
import type { PoolEffect } from './effects.ts';
import { canFit, capacityFailure } from './fit.ts';
import { comboNeed, missingBytes } from './memory.ts';
import { makeMemoryRoom } from './memoryRoom.ts';
import { makePlaces } from './places.ts';
import { rejectWaiting } from './queues.ts';
import { refuseQuarantined } from './refusals.ts';
import { type Source, sourceFor, usedBy } from './sources.ts';
import { startOnRunner, startRunner } from './starts.ts';
import { type PoolState, type Runner, type UsableRunner, type Want } from './state.ts';
import { isDozing, runnersOfBase, runnersWithBase } from './usable.ts';
import { headMs, placeOf, type UnplacedBase } from './wants.ts';

/** A want whose combo has a place: on a runner of its base, or on a new one. */
interface Placeable {
  readonly want: Want;
  readonly runner: UsableRunner | undefined;
}

/** How it would be placed now. */
interface Target {
  /** null: on the runner that has a place for it. */
  readonly source: Source | null;
  readonly device: DeviceName | null;
  /** Of memory; not more than 0: it is there. */
  readonly missing: Bytes;
}

/** One that has a place and lacks memory. */
export interface Blocked {
  readonly want: Want;
  readonly device: DeviceName | null;
  readonly missing: Bytes;
  /** The one that is to have it, which stays. */
  readonly runner: Runner | undefined;
}

/**
 * Begins the one start of every combo that waits for one, and those of missing replicas: on a runner of its base, else on
 * a new runner. What finds no room has room made, and is placed by the event that brings it.
 */
export function placeWaiting(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  if (state.unplaced.bases.size === 0) return;
  const needsBase = (want: Want): boolean => needsNewRunner(state, want);
  refuseQuarantined(state, needsBase, nowMs, effects);
  for (;;) {
    placeInLine(state, nowMs, effects);
    const before = effects.length;
    makePlaces(state, nowMs, effects);
    if (effects.length === before) return;
    // Who waited for a place on a runner that has just given way needs its base anew, and may be the next in line.
    refuseQuarantined(state, needsBase, nowMs, effects);
  }
}

/**
 * The first in line goes first (the longest wait; flex work behind all interactive requests): while it lacks memory nobody
 * takes that from it.
 */
function placeInLine(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  for (let next = nextToPlace(state); next; next = nextToPlace(state)) {
    const { want, runner } = next;
    if (want.type === 'queue' && !canFit(state, want.combo)) {
      rejectWaiting(state, want.combo.key, capacityFailure(state, want.combo), effects);
      continue;
    }
    const target = targetOf(state, next, nowMs);
    if (!target) return;
    const { source, device, missing } = target;
    if (!isCovered(missing)) {
      const claim = { want, runner: runner ?? (source ? usedBy(state, source) : undefined) };
      return makeMemoryRoom(state, missing, device, claim, nowMs, effects);
    }
    if (runner) startOnRunner(state, runner, want, nowMs, effects);
    else if (source) startRunner(state, want, source, nowMs, effects);
  }
}

/** No runner of its base may take it on: a new one has to load the base. */
export function needsNewRunner(state: PoolState, want: Want): boolean {
  return runnersFor(state, runnersOfBase(state, want.combo.model), want).length === 0;
}

/** The one that waits for memory; null: nobody, or somebody who can be placed or refused. */
export function blockedByMemory(state: PoolState, nowMs: number): Blocked | null {
  const next = nextToPlace(state);
  const target = next && targetOf(state, next, nowMs);
  if (!next || !target || isCovered(target.missing)) return null;
  const { source, device, missing } = target;
  const runner = next.runner ?? (source ? usedBy(state, source) : undefined);
  return { want: next.want, device, missing, runner };
}

/** null: the only device that it may be on is not there. */
function targetOf(state: PoolState, { want, runner }: Placeable, nowMs: number): Target | null {
  if (!runner) {
    const source = sourceFor(state, want, nowMs);
    return source && { source, device: source.device, missing: source.missing };
  }
  const { device } = runner;
  const need = comboNeed(state, want.combo, device, runner);
  return { source: null, device, missing: missingBytes(state, need, device) };
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
  const ofQueues = firstOfQueues(state, base, runners, mayStart);
  for (const replica of base.replicas.items) {
    if (replica.sinceMs >= headMs(ofQueues?.want)) break;
    const ofReplica = placeFor(state, runners, replica, mayStart);
    if (ofReplica) return ofReplica;
  }
  return ofQueues;
}

function firstOfQueues(
  state: PoolState,
  { queues }: UnplacedBase,
  runners: readonly UsableRunner[],
  mayStart: boolean,
): Placeable | undefined {
  for (const queue of queues.items) {
    const found = placeFor(state, runners, queue, mayStart);
    if (found || areAlike(state)) return found;
  }
  return undefined;
}

function placeFor(
  state: PoolState,
  runners: readonly UsableRunner[],
  want: Want,
  mayStart: boolean,
): Placeable | undefined {
  const candidates = runnersFor(state, runners, want);
  const runner = withPlace(state, candidates, want.combo);
  if (runner) return { want, runner };
  return candidates.length === 0 && mayStart && !isDozing(state, want.combo.model)
    ? { want, runner }
    : undefined;
}

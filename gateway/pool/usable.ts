import type { CatalogueModel } from '../domain/catalogue.ts';
import {
  baseKey,
  isUsable,
  type PoolState,
  type RestingRunner,
  type Runner,
  type UsableRunner,
} from './state.ts';

/** Usable runners by baseKey, the oldest first of each; no entry is empty. */
export type UsableRunners = ReadonlyMap<string, readonly UsableRunner[]>;

/** How many runners take a place, and how many of them are about to give it back. */
export interface PlaceCounts {
  readonly taken: number;
  readonly leaving: number;
}

const NONE: readonly UsableRunner[] = [];
const NONE_RESTING: readonly RestingRunner[] = [];

/** Made anew when it is asked for after a runner has come, gone or changed its state: starts are rare among events. */
export function usableRunners(state: PoolState): UsableRunners {
  state.usable ??= byBase(state, isUsable);
  return state.usable;
}

/** The usable runners that hold, or are about to hold, this very revision of the base; the oldest first. */
export function runnersOfBase(state: PoolState, model: CatalogueModel): readonly UsableRunner[] {
  return usableRunners(state).get(baseKey(model)) ?? NONE;
}

/** Those of this very revision of the base that sleep, or are falling asleep; the oldest first. */
export function restingRunners(state: PoolState, model: CatalogueModel): readonly RestingRunner[] {
  state.resting ??= byBase(state, isResting);
  return state.resting.size === 0 ? NONE_RESTING : (state.resting.get(baseKey(model)) ?? NONE_RESTING);
}

/** A runner of the base is falling asleep: in a moment it can be woken. */
export function isDozing(state: PoolState, model: CatalogueModel): boolean {
  return restingRunners(state, model).some(({ state: name }) => name === 'dozing');
}

/** How many sleep, or are falling asleep. */
export function restingCount(state: PoolState): number {
  let count = 0;
  for (const runner of state.runners.values()) if (isResting(runner)) count += 1;
  return count;
}

/** Runners that have a base or are about to: what `maxRunners` bounds. Standbys, and those that sleep, are beside them. */
export function runnersWithBase(state: PoolState): number {
  return placeCounts(state).taken;
}

/** Of these the ones that are about to give their places back. */
export function runnersLeaving(state: PoolState): number {
  return placeCounts(state).leaving;
}

function placeCounts(state: PoolState): PlaceCounts {
  state.places ??= countPlaces(state);
  return state.places;
}

function countPlaces(state: PoolState): PlaceCounts {
  let taken = 0;
  let leaving = 0;
  for (const runner of state.runners.values()) {
    if (takesPlace(runner)) taken += 1;
    if (leavesPlace(runner)) leaving += 1;
  }
  return { taken, leaving };
}

/** Until one that falls asleep has done so it takes its place. */
export function takesPlace(runner: Runner): boolean {
  if (runner.model === null || runner.state === 'asleep') return false;
  return runner.state !== 'stopping' || !runner.wasAsleep;
}

/** It takes a place among the runners with a base, and is about to give it back. */
export function leavesPlace(runner: Runner): boolean {
  return takesPlace(runner) && (runner.state === 'stopping' || runner.state === 'dozing');
}

/** A runner has come, gone, or changed its state or its base; undefined: it was, or is, not there. */
export function forgetUsable(state: PoolState, before?: Runner, after?: Runner): void {
  if ((before && isUsable(before)) || (after && isUsable(after))) state.usable = null;
  if ((before && isResting(before)) || (after && isResting(after))) state.resting = null;
  state.places = null;
}

function isResting(runner: Runner): runner is RestingRunner {
  return runner.state === 'dozing' || runner.state === 'asleep';
}

function byBase<T extends UsableRunner | RestingRunner>(
  state: PoolState,
  isOne: (runner: Runner) => runner is T,
): Map<string, T[]> {
  const bases = new Map<string, T[]>();
  for (const runner of state.runners.values()) {
    if (!isOne(runner)) continue;
    const key = baseKey(runner.model);
    const known = bases.get(key);
    if (known) known.push(runner);
    else bases.set(key, [runner]);
  }
  return bases;
}

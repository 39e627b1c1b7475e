import type { PoolEffect } from './effects.ts';
import { canFit, capacityFailure } from './fit.ts';
import { isKept } from './keeps.ts';
import { comboNeed, freeBytes, wholeNeed } from './memory.ts';
import { makeMemoryRoom } from './memoryRoom.ts';
import { headMs, rejectWaiting } from './queues.ts';
import { makeComboRoom, makeRunnerRoom } from './room.ts';
import { startOnRunner, startRunner } from './starts.ts';
import { type PoolState, runnersOfBase, runnersWithBase, type UsableRunner, type Want } from './state.ts';

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
 * a new runner. What finds no room has room made, and is placed by the event that brings it. The longest wait goes first:
 * while it lacks memory nobody takes that from it.
 */
export function placeWaiting(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  if (state.unplaced.size === 0) return;
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
  makePlaces(state, nowMs, effects);
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

/** Of those that have a place the one that is wanted for longest. */
function nextToPlace(state: PoolState): Placeable | undefined {
  const mayStart = runnersWithBase(state) < state.settings.maxRunners;
  let next: Placeable | undefined;
  for (const { model, wants } of state.unplaced.values()) {
    const runners = runnersOfBase(state, model);
    for (const want of wants) {
      if (headMs(want) >= headMs(next?.want)) continue;
      const candidates = runnersFor(state, runners, want);
      const runner = withPlace(state, candidates);
      if (runner || (candidates.length === 0 && mayStart)) next = { want, runner };
    }
  }
  return next;
}

/** The runners of its base that may take it on: those that do not hold the combo already, nor only what is kept. */
export function runnersFor(
  state: PoolState,
  runners: readonly UsableRunner[],
  { combo }: Want,
): readonly UsableRunner[] {
  if (state.keeps.size === 0) return runners;
  return runners.filter((runner) => !runner.combos.has(combo.key) && !isFullOfKept(state, runner));
}

/** Nothing on it ever gives its place to another combo. */
function isFullOfKept(state: PoolState, runner: UsableRunner): boolean {
  if (runner.combos.size < state.settings.maxCombosPerRunner) return false;
  for (const key of runner.combos.keys()) if (!isKept(state, runner, key)) return false;
  return true;
}

/** A ready one before one whose base is still on its way. */
function withPlace(state: PoolState, runners: readonly UsableRunner[]): UsableRunner | undefined {
  const hasPlace = ({ combos }: UsableRunner): boolean => combos.size < state.settings.maxCombosPerRunner;
  return runners.find((runner) => runner.state === 'ready' && hasPlace(runner)) ?? runners.find(hasPlace);
}

/** Those that wait for a place on a full runner, or for a runner, have idle ones give way. */
function makePlaces(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  let missing = runnersWithBase(state) - state.settings.maxRunners;
  for (const { model, wants } of state.unplaced.values()) {
    const runners = runnersOfBase(state, model);
    const perRunner = new Map<UsableRunner, number>();
    let needsRunner = false;
    for (const want of wants) {
      const candidates = runnersFor(state, runners, want);
      const full = candidates.find(({ state: name }) => name === 'ready') ?? candidates[0];
      if (!full) needsRunner = true;
      else if (!withPlace(state, candidates)) perRunner.set(full, (perRunner.get(full) ?? 0) + 1);
    }
    // Queues of one base share one new runner.
    if (needsRunner) missing += 1;
    for (const [runner, wanted] of perRunner)
      if (runner.state === 'ready') makeComboRoom(state, runner, wanted, nowMs, effects);
  }
  makeRunnerRoom(state, missing, nowMs, effects);
}

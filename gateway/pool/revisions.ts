import type { Catalogue } from '../domain/catalogue.ts';
import { isCurrentCombo, isCurrentModel } from './current.ts';
import type { PoolEffect } from './effects.ts';
import { reviewKeeps } from './keeps.ts';
import { forgetStale } from './quarantine.ts';
import { losePlace, waitForRoom } from './queues.ts';
import { keepAlive } from './slots.ts';
import { isIdle, type PoolState, type ReadyRunner, type Runner } from './state.ts';
import { detach, drainRunner, stopRunner } from './stops.ts';
import { upkeep } from './upkeep.ts';
import { allWants } from './wants.ts';

/**
 * From now on this is what can be asked for. What is ready, or is being attached to a ready runner, still serves those
 * who wait for it; no file of a revision that is not current is opened any more, and who waits for that is answered.
 */
export function applyCatalogue(
  state: PoolState,
  catalogue: Catalogue,
  nowMs: number,
  effects: PoolEffect[],
): void {
  state.catalogue = catalogue;
  state.mayHaveStale = true;
  forgetStale(state, effects);
  reviewKeeps(state);
  upkeep(state, nowMs, effects);
  for (const { type, combo } of allWants(state)) if (type === 'queue') waitForRoom(state, combo.key, effects);
  dropStale(state, nowMs, effects);
}

/**
 * Lets runners go whose base was replaced or removed, and combos whose adapters were, when nobody needs them. What is
 * begun is current, so that there is nothing to look for until the catalogue changes.
 */
export function dropStale(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  if (!state.mayHaveStale) return;
  for (const runner of [...state.runners.values()]) {
    if (runner.model === null) continue;
    if (isCurrentModel(runner.model, state.catalogue)) dropStaleCombos(state, runner, nowMs, effects);
    else if (runner.state === 'ready') dropStaleBase(state, runner, nowMs, effects);
    else if (runner.state !== 'draining') stopRunner(state, runner, 'stale', nowMs, effects);
  }
  state.mayHaveStale = hasStale(state);
}

function hasStale({ runners, catalogue }: PoolState): boolean {
  for (const { model, combos } of runners.values()) {
    if (model !== null && !isCurrentModel(model, catalogue)) return true;
    for (const { combo } of combos.values()) if (!isCurrentCombo(combo, catalogue)) return true;
  }
  return false;
}

function dropStaleBase(state: PoolState, runner: ReadyRunner, nowMs: number, effects: PoolEffect[]): void {
  for (const key of runner.combos.keys()) if (state.queues.has(key)) return;
  if (isIdle(runner)) stopRunner(state, runner, 'stale', nowMs, effects);
  else if (runner.active > 0) drainRunner(state, runner, 'stale', nowMs, effects);
}

function dropStaleCombos(state: PoolState, runner: Runner, nowMs: number, effects: PoolEffect[]): void {
  for (const [key, slot] of runner.combos) {
    if (isCurrentCombo(slot.combo, state.catalogue)) continue;
    if (slot.state === 'wanted') {
      runner.combos.delete(key);
      losePlace(state, key, runner.id, effects);
    } else if (runner.state === 'ready' && slot.state === 'ready') {
      keepAlive(runner, slot, 0);
      if (slot.active === 0) detach(runner, slot, nowMs, effects);
    }
  }
}

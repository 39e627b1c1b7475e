import type { Catalogue } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { PoolEffect } from './effects.ts';
import { isIdle, type PoolState, type ReadyRunner } from './state.ts';
import { detach, drainRunner, stopRunner } from './stops.ts';

/** From now on this is what can be asked for. Requests under way finish on the revisions that they began with. */
export function applyCatalogue(
  state: PoolState,
  catalogue: Catalogue,
  nowMs: number,
  effects: PoolEffect[],
): void {
  state.catalogue = catalogue;
  dropStale(state, nowMs, effects);
}

/** Runners of a base that was replaced or removed drain; combos of replaced adapters go when nobody uses them. */
export function dropStale(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  for (const runner of [...state.runners.values()]) {
    if (runner.state !== 'ready') continue;
    if (state.catalogue.models.get(runner.model.id)?.revision === runner.model.revision) {
      dropStaleCombos(state, runner, effects);
    } else if (isIdle(runner)) {
      stopRunner(state, runner, 'stale', nowMs, effects);
    } else if (runner.active > 0) {
      drainRunner(state, runner, 'stale', nowMs, effects);
    }
  }
}

function dropStaleCombos(state: PoolState, runner: ReadyRunner, effects: PoolEffect[]): void {
  for (const [key, slot] of runner.combos) {
    if (slot.state !== 'ready' || isCurrent(slot.combo, state.catalogue)) continue;
    slot.keepAliveMs = 0;
    if (slot.active === 0 && !state.queues.has(key)) detach(runner, slot, effects);
  }
}

function isCurrent(combo: Combo, catalogue: Catalogue): boolean {
  return combo.adapters.every(
    ({ adapter }) => catalogue.adapters.get(adapter.id)?.revision === adapter.revision,
  );
}

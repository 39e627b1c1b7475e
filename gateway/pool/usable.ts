import type { CatalogueModel } from '../domain/catalogue.ts';
import { baseKey, isUsable, type PoolState, type UsableRunner } from './state.ts';

/** Usable runners by baseKey, the oldest first of each; no entry is empty. */
export type UsableRunners = ReadonlyMap<string, readonly UsableRunner[]>;

const NONE: readonly UsableRunner[] = [];

/** Made anew when it is asked for after a runner has come, gone or changed its state: starts are rare among events. */
export function usableRunners(state: PoolState): UsableRunners {
  state.usable ??= byBase(state);
  return state.usable;
}

/** The usable runners that hold, or are about to hold, this very revision of the base; the oldest first. */
export function runnersOfBase(state: PoolState, model: CatalogueModel): readonly UsableRunner[] {
  return usableRunners(state).get(baseKey(model)) ?? NONE;
}

/** A runner has come, gone, or changed its state or its base. */
export function forgetUsable(state: PoolState): void {
  state.usable = null;
}

function byBase(state: PoolState): UsableRunners {
  const bases = new Map<string, UsableRunner[]>();
  for (const runner of state.runners.values()) {
    if (!isUsable(runner)) continue;
    const key = baseKey(runner.model);
    const known = bases.get(key);
    if (known) known.push(runner);
    else bases.set(key, [runner]);
  }
  return bases;
}

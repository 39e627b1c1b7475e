import { areAlike, basesWithRunners, runnersFor, runnersOf, withPlace } from './candidates.ts';
import type { PoolEffect } from './effects.ts';
import { makeComboRoom, makeRunnerRoom } from './room.ts';
import { type PoolState, type UsableRunner, type Want } from './state.ts';
import type { Tier } from './terms.ts';
import { countUpTo, tierOf } from './tiers.ts';
import { runnersWithBase } from './usable.ts';
import { placeOf, type UnplacedBase } from './wants.ts';

/**
 * Those that wait for a place on a full runner, or for a runner, have idle ones give way. First for interactive requests
 * alone: what may go for them may not go for flex work.
 */
export function makePlaces(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  makePlacesFor(state, 'interactive', nowMs, effects);
  if (state.flexWaiting > 0) makePlacesFor(state, 'flex', nowMs, effects);
}

function makePlacesFor(state: PoolState, tier: Tier, nowMs: number, effects: PoolEffect[]): void {
  // What waits for one base shares one new runner.
  let missing = countUpTo(state.unplaced.line, tier) + runnersWithBase(state) - state.settings.maxRunners;
  for (const base of basesWithRunners(state)) {
    if (tierOf(placeOf(base)) === 'flex' && tier === 'interactive') continue;
    const runners = runnersOf(state, base);
    const { wanted, needsRunner } = placesWanted(state, base, runners, tier);
    if (!needsRunner) missing -= 1;
    for (const [runner, count] of wanted)
      if (runner.state === 'ready') makeComboRoom(state, runner, count, tier, nowMs, effects);
  }
  makeRunnerRoom(state, missing, tier, nowMs, effects);
}

/** How many of the base's wants each of its runners is to give a place, and whether some need another runner. */
function placesWanted(
  state: PoolState,
  { queues, replicas }: UnplacedBase,
  runners: readonly UsableRunner[],
  tier: Tier,
): { readonly wanted: ReadonlyMap<UsableRunner, number>; readonly needsRunner: boolean } {
  const wanted = new Map<UsableRunner, number>();
  let needsRunner = false;
  const ask = (want: Want, count: number): void => {
    const full = fullRunner(state, runners, want);
    if (full === undefined) needsRunner = true;
    else if (full !== null) wanted.set(full, (wanted.get(full) ?? 0) + count);
  };
  const waiting = countUpTo(queues, tier);
  if (!areAlike(state)) for (const queue of queues.items.slice(0, waiting)) ask(queue, 1);
  else if (queues.items[0]) ask(queues.items[0], waiting);
  for (const replica of replicas.items) ask(replica, 1);
  return { wanted, needsRunner };
}

/** The one that is to give the want a place; null: there is a place; undefined: none may take it on. */
function fullRunner(
  state: PoolState,
  runners: readonly UsableRunner[],
  want: Want,
): UsableRunner | null | undefined {
  const candidates = runnersFor(state, runners, want);
  if (withPlace(state, candidates)) return null;
  return candidates.find(({ state: name }) => name === 'ready') ?? candidates[0];
}

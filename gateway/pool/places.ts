import { basesWithRunners, runnersFor, runnersOf, withPlace } from './candidates.ts';
import type { PoolEffect } from './effects.ts';
import { makeComboRoom, makeRunnerRoom } from './room.ts';
import { type PoolState, runnersWithBase, type UsableRunner, type Want } from './state.ts';
import type { Tier } from './terms.ts';
import { countUpTo } from './tiers.ts';
import type { UnplacedBase } from './wants.ts';

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
    if (countUpTo(base.queues, tier) + base.replicas.items.length === 0) continue;
    const { needsRunner, perRunner } = placesWanted(state, base, tier);
    if (!needsRunner) missing -= 1;
    for (const [runner, wanted] of perRunner)
      if (runner.state === 'ready') makeComboRoom(state, runner, wanted, tier, nowMs, effects);
  }
  makeRunnerRoom(state, missing, tier, nowMs, effects);
}

/** On which full runners of the base places are wanted, and whether some want may go on none of them. */
function placesWanted(
  state: PoolState,
  base: UnplacedBase,
  tier: Tier,
): { readonly needsRunner: boolean; readonly perRunner: ReadonlyMap<UsableRunner, number> } {
  const { queues, replicas } = base;
  const runners = runnersOf(state, base);
  const perRunner = new Map<UsableRunner, number>();
  let needsRunner = false;
  const ask = (want: Want, count: number): void => {
    const candidates = runnersFor(state, runners, want);
    const full = candidates.find(({ state: name }) => name === 'ready') ?? candidates[0];
    if (!full) needsRunner = true;
    else if (!withPlace(state, candidates)) perRunner.set(full, (perRunner.get(full) ?? 0) + count);
  };
  const waiting = countUpTo(queues, tier);
  if (queues.items[0] && waiting > 0) ask(queues.items[0], waiting);
  for (const replica of replicas.items) ask(replica, 1);
  return { needsRunner, perRunner };
}

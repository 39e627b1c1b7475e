import { basesWithRunners, runnersFor, runnersOf, withPlace } from './candidates.ts';
import type { PoolEffect } from './effects.ts';
import { makeComboRoom, makeRunnerRoom } from './room.ts';
import { type PoolState, runnersWithBase, type UsableRunner, type Want } from './state.ts';
import type { Tier } from './terms.ts';
import { countUpTo } from './tiers.ts';

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
    const { queues, replicas } = base;
    const [queue] = queues.items;
    const waiting = countUpTo(queues, tier);
    if (waiting + replicas.items.length === 0) continue;
    const runners = runnersOf(state, base);
    const ofQueues = queue && waiting > 0 ? fullRunner(state, runners, queue) : null;
    const ofReplicas = replicas.items.map((want) => fullRunner(state, runners, want));
    if (ofQueues !== undefined && !ofReplicas.includes(undefined)) missing -= 1;
    for (const runner of runners) {
      let wanted = runner === ofQueues ? waiting : 0;
      for (const full of ofReplicas) if (full === runner) wanted += 1;
      if (wanted > 0 && runner.state === 'ready') makeComboRoom(state, runner, wanted, tier, nowMs, effects);
    }
  }
  makeRunnerRoom(state, missing, tier, nowMs, effects);
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

import type { RunnerId } from '../domain/ids.ts';
import { totalOf } from './bytes.ts';
import { isCurrentModel } from './current.ts';
import type { PoolEffect } from './effects.ts';
import { type Candidate, inOrderOfLeaving } from './eviction.ts';
import { allOwnBytes, asleepBytes, freeBytes, heldBytes, weightNeed } from './memory.ts';
import { pagesAsleep } from './pages.ts';
import { losePlace } from './queues.ts';
import { Slots } from './slots.ts';
import type { AsleepRunner, PoolState, ReadyRunner, RestingRunner } from './state.ts';
import { stopRunner } from './stops.ts';
import { moveTo } from './transitions.ts';
import { restingCount } from './usable.ts';

/** What the base takes when it is awake: as what it is weighed against others that sleep. */
export function sleeperCandidate(
  state: PoolState,
  { model, device, worth, lastUsedMs }: RestingRunner,
): Candidate {
  return { worth, bytes: totalOf(weightNeed(state, model, device)), lastUsedMs };
}

/** Its model lets it sleep where it would have to end, and there may be one more that sleeps. */
export function maySleep(state: PoolState, { model, device }: ReadyRunner): boolean {
  if (state.shuttingDown || !isCurrentModel(model, state.catalogue)) return false;
  return (model.sleeps ?? device !== null) && hasBed(state);
}

/** One that sleeps gives way to one that falls asleep; one that is falling asleep does not. */
export function hasBed(state: PoolState): boolean {
  return restingCount(state) < state.settings.maxAsleep || sleepersOf(state).length > 0;
}

export function sleepersOf(state: PoolState): AsleepRunner[] {
  const sleepers: AsleepRunner[] = [];
  for (const runner of state.runners.values()) if (runner.state === 'asleep') sleepers.push(runner);
  return sleepers;
}

/** How much more of the host's memory it takes asleep than awake; negative: less. */
export function extraHostBytes(state: PoolState, runner: ReadyRunner): number {
  return asleepBytes(state, runner).host - heldBytes(state, runner, 'host');
}

/** The same is there, now. */
export function hasHostRoom(state: PoolState, runner: ReadyRunner): boolean {
  const extra = extraHostBytes(state, runner);
  return extra <= 0 || extra <= freeBytes(state, null);
}

/**
 * Orders an idle runner to give back its base and all contexts. The process stays, and so does what makes it fast to wake.
 * Who waits for a combo of it is served by the next runner.
 */
export function sleepRunner(
  state: PoolState,
  runner: ReadyRunner,
  nowMs: number,
  effects: PoolEffect[],
): void {
  if (restingCount(state) >= state.settings.maxAsleep) endOneThatSleeps(state, nowMs, effects);
  const { id, device, model, combos, worth, lastUsedMs } = runner;
  const held = allOwnBytes(state, runner);
  // From now on, so that what it keeps has its room when it sleeps.
  const own = { host: Math.max(held.host, asleepBytes(state, runner).host), device: held.device };
  const rest = { sinceMs: nowMs, worth, lastUsedMs, heldBytes: own };
  moveTo(state, { id, device, model, combos: new Slots(), state: 'dozing', ...rest });
  effects.push({ type: 'sleep', runnerId: id });
  effects.push({ type: 'note', note: 'runner_falling_asleep', runnerId: id, detail: { base: model.id } });
  for (const key of combos.keys()) losePlace(state, key, id, effects);
}

function endOneThatSleeps(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  const [first] = inOrderOfLeaving(state, sleepersOf(state), (runner) => sleeperCandidate(state, runner));
  if (first) stopRunner(state, first, 'evicted', nowMs, effects);
}

/** It has given back all but the pages of its file, of which it keeps so many in host memory. */
export function runnerAsleep(
  state: PoolState,
  id: RunnerId,
  keptBytes: number,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const runner = state.runners.get(id);
  if (runner?.state !== 'dozing') return;
  const { device, model, combos, worth, lastUsedMs } = runner;
  pagesAsleep(state, runner);
  moveTo(state, { id, device, model, combos, state: 'asleep', sinceMs: nowMs, worth, lastUsedMs, keptBytes });
  effects.push({ type: 'note', note: 'runner_asleep', runnerId: id, detail: { base: model.id, keptBytes } });
}

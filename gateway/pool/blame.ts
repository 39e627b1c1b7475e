import type { Combo } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';
import type { ComboKey } from '../domain/ids.ts';
import type { PoolEffect } from './effects.ts';
import type { PoolEvent } from './events.ts';
import { type Culprit, lift, quarantineKey, quarantineOf, strike } from './quarantine.ts';
import { type PoolState, type ReadyRunner, type Runner } from './state.ts';

/** One that lives for so long after its base was loaded shows that the base is sound. */
const SOUND_MS = 10_000;

/** Counts the failure of a runner against what it was about. A connection that broke says nothing before its exit. */
export function blame(
  state: PoolState,
  runner: Runner,
  failure: Failure,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const culprits = culpritsOf(runner, nowMs);
  if (failure.code === 'runner_died') state.culprits.set(runner.id, culprits);
  else for (const culprit of culprits) strike(state, culprit, failure, nowMs, effects);
}

/** The same for an exit: its own, or that of a connection that had broken before it was known. */
export function blameExit(
  state: PoolState,
  runner: Runner,
  { failure, byOthers }: Pick<Extract<PoolEvent, { type: 'runnerExited' }>, 'failure' | 'byOthers'>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const culprits = state.culprits.get(runner.id) ?? culpritsOf(runner, nowMs);
  state.culprits.delete(runner.id);
  if (!byOthers) for (const culprit of culprits) strike(state, culprit, failure, nowMs, effects);
}

/**
 * While the base was on its way: the base. While combos with adapters were being attached: these, so that a bad adapter
 * never bars its base. Else the base when the runner had just been loaded: one that dies again and again at its first
 * work is no better than one that does not start.
 */
function culpritsOf(runner: Runner, nowMs: number): Culprit[] {
  const { model } = runner;
  if (model === null || !BLAMES.has(runner.state)) return [];
  const attached = runner.state === 'ready' ? underway(runner) : [];
  const adapted = attached.filter(({ adapters }) => adapters.length > 0);
  if (adapted.length > 0) return adapted.map((combo) => ({ scope: 'combo', combo }));
  const isProven = runner.state === 'ready' && attached.length === 0 && isSound(runner, nowMs);
  return isProven ? [] : [{ scope: 'base', model }];
}

/** States in which a failure is laid to what the runner holds or is getting. */
const BLAMES: ReadonlySet<Runner['state']> = new Set(['starting', 'loading', 'ready']);

function underway(runner: ReadyRunner): Combo[] {
  return [...runner.combos.values()].filter(({ state }) => state === 'attaching').map(({ combo }) => combo);
}

function isSound({ worth }: ReadyRunner, nowMs: number): boolean {
  return nowMs - worth.readyMs >= SOUND_MS;
}

/** Bases whose runner has proved them. */
export function liftSound(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  if (state.quarantines.size === 0) return;
  for (const runner of state.runners.values())
    if (runner.state === 'ready' && isSound(runner, nowMs))
      lift(state, quarantineKey(runner.model), 'success', effects);
}

/** What those are told who waited for a start that has failed: when the next one may begin, if not at once. */
export function refusalAfter(state: PoolState, key: ComboKey, failure: Failure, nowMs: number): Failure {
  const combo = state.queues.get(key)?.combo;
  const quarantine = combo ? quarantineOf(state, combo, true, nowMs) : null;
  return quarantine ? { ...failure, retryAfterMs: Math.ceil(quarantine.untilMs - nowMs) } : failure;
}

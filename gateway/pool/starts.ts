import type { CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { PoolEffect } from './effects.ts';
import { comboNeed } from './memory.ts';
import { joinPlaced } from './queues.ts';
import { freeStandby } from './standbys.ts';
import {
  type ComboSlot,
  nextRunnerId,
  type PoolState,
  type ReplicaWant,
  type Runner,
  type UsableRunner,
  type WaitingStart,
  type Want,
} from './state.ts';
import { decodingRunners, threadShare } from './threads.ts';
import { moveTo } from './transitions.ts';
import { replicaBegun } from './upkeep.ts';
import { forgetUsable } from './usable.ts';
import { markPlaced } from './wants.ts';

/** Begins a start from nothing: a runner for the base, whose first combo is the wanted one. */
export function startRunner(
  state: PoolState,
  want: Want,
  nowMs: number,
  effects: PoolEffect[],
): UsableRunner {
  const { combo } = want;
  const runner = claimStandby(state, combo, nowMs, effects) ?? spawnRunner(state, combo, nowMs, effects);
  runner.combos.set(combo.key, {
    state: 'wanted',
    combo,
    kind: 'cold',
    begunMs: nowMs,
    bytes: comboNeed(state, combo),
  });
  place(state, want, { runnerId: runner.id, kind: 'cold' }, false);
  return runner;
}

function spawnRunner(state: PoolState, combo: Combo, nowMs: number, effects: PoolEffect[]): UsableRunner {
  const { model, name } = combo;
  const id = nextRunnerId(state);
  effects.push({ type: 'spawn', runnerId: id, model });
  effects.push({ type: 'note', note: 'runner_spawned', runnerId: id, combo: name });
  return moveTo(state, { id, model, combos: new Map(), state: 'starting', sinceMs: nowMs });
}

/** A standby that is up loads at once; one that is still coming up loads when it is. */
function claimStandby(
  state: PoolState,
  { model, name }: Combo,
  nowMs: number,
  effects: PoolEffect[],
): UsableRunner | undefined {
  const standby = freeStandby(state);
  if (!standby) return undefined;
  const { id } = standby;
  effects.push({ type: 'claim', runnerId: id, model });
  effects.push({ type: 'note', note: 'standby_claimed', runnerId: id, combo: name });
  if (standby.state === 'standby') return load(state, { ...standby, model }, nowMs, nowMs, effects);
  forgetUsable(state);
  return Object.assign(standby, { model });
}

/** Orders the base to be loaded. `claimedMs`: see Runner. */
export function load(
  state: PoolState,
  { id, combos, model }: Pick<Runner, 'id' | 'combos'> & { readonly model: CatalogueModel },
  claimedMs: number | null,
  nowMs: number,
  effects: PoolEffect[],
): UsableRunner {
  const threads = threadShare(state, model, decodingRunners(state) + 1);
  effects.push({ type: 'load', runnerId: id, model, threads });
  return moveTo(state, { id, model, combos, state: 'loading', sinceMs: nowMs, claimedMs, threads });
}

/** Begins a start on a runner of its base: attached now, or as soon as the base is there. */
export function startOnRunner(
  state: PoolState,
  runner: Runner,
  want: Want,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const { combo } = want;
  const bytes = comboNeed(state, combo, runner);
  if (runner.state === 'ready') {
    attach(runner, { combo, kind: 'attach', begunMs: nowMs, bytes }, nowMs, effects);
    place(state, want, { runnerId: runner.id, kind: 'attach' }, false);
  } else {
    // Somebody else's start of the base is under way: this combo joins it.
    runner.combos.set(combo.key, { state: 'wanted', combo, kind: 'cold', begunMs: nowMs, bytes });
    place(state, want, { runnerId: runner.id, kind: 'cold' }, true);
  }
}

/** Orders the runner to attach the combo. */
export function attach(
  runner: Runner,
  { combo, kind, begunMs, bytes }: Omit<Extract<ComboSlot, { state: 'wanted' }>, 'state'>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  runner.combos.set(combo.key, { state: 'attaching', combo, kind, begunMs, bytes, sinceMs: nowMs });
  effects.push({ type: 'attach', runnerId: runner.id, combo, kind });
  effects.push({ type: 'note', note: 'combo_attaching', runnerId: runner.id, combo: combo.name });
}

/** The first of the queue began the start, the others joined it; all join when the base's start is another's. */
function place(state: PoolState, want: Want, start: Omit<WaitingStart, 'joined'>, allJoined: boolean): void {
  if (want.type === 'replica') return placeReplica(state, want);
  for (const [index, waiter] of want.waiters.entries())
    waiter.start = { ...start, joined: allJoined || index > 0 };
  markPlaced(state, want);
  replicaBegun(state, want.combo.key);
}

/** Nobody waits for it, or those who wait for the combo join what was begun for its pin. */
function placeReplica(state: PoolState, want: ReplicaWant): void {
  replicaBegun(state, want.combo.key);
  joinPlaced(state, want.combo.key);
}

import type { CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { DeviceName } from '../domain/ids.ts';
import type { PoolEffect } from './effects.ts';
import { comboNeed, weightNeed } from './memory.ts';
import { mapPages, pagesOf, readsSource } from './pages.ts';
import { joinPlaced } from './queues.ts';
import { isAdapter, loadKind, stageablesOf } from './segments.ts';
import { type ComboSlot, Slots } from './slots.ts';
import type { Source } from './sources.ts';
import { freeStandby } from './standbys.ts';
import {
  type AsleepRunner,
  type BaseStartKind,
  nextRunnerId,
  type PoolState,
  type ReplicaWant,
  type Runner,
  type UsableRunner,
  type WaitingStart,
  type Want,
} from './state.ts';
import { stageFor } from './storeRoom.ts';
import { decodingRunners, threadShare } from './threads.ts';
import { moveTo } from './transitions.ts';
import { replicaBegun } from './upkeep.ts';
import { forgetUsable } from './usable.ts';
import { markPlaced } from './wants.ts';

/** Begins the start of a runner for the base, whose first combo is the wanted one. */
export function startRunner(
  state: PoolState,
  want: Want,
  { device, sleeper }: Pick<Source, 'device' | 'sleeper'>,
  nowMs: number,
  effects: PoolEffect[],
): UsableRunner {
  const { combo } = want;
  // Before it is ordered: where the weights are now is what the start has to do.
  const kind = sleeper ? 'wake' : loadKind(state, combo.model);
  const files = stageablesOf(combo);
  const needed = sleeper || readsSource(state, combo.model, device) ? files.filter(isAdapter) : files;
  stageFor(state, needed, { priority: 'demand', device }, nowMs, effects);
  const runner = sleeper
    ? wakeRunner(state, sleeper, nowMs, effects)
    : (claimStandby(state, combo, device, kind, nowMs, effects) ??
      spawnRunner(state, combo, device, kind, nowMs, effects));
  const bytes = comboNeed(state, combo, device);
  runner.combos.set(combo.key, { state: 'wanted', combo, kind, begunMs: nowMs, bytes });
  place(state, want, { runnerId: runner.id, kind }, false);
  return runner;
}

/** Orders one that sleeps to load its base again, for a combo that is wanted then, or for none. */
export function wakeRunner(
  state: PoolState,
  { id, device, model, combos, keptBytes }: AsleepRunner,
  nowMs: number,
  effects: PoolEffect[],
): UsableRunner {
  mapPages(state, { id, model, device }, weightNeed(state, model, device).host);
  const threads = threadShare(state, model, decodingRunners(state) + 1);
  effects.push({ type: 'wake', runnerId: id, model, threads });
  effects.push({ type: 'note', note: 'runner_waking', runnerId: id, detail: { base: model.id } });
  const began = { sinceMs: nowMs, claimedMs: nowMs, kind: 'wake', keptBytes } as const;
  return moveTo(state, { id, device, model, combos, state: 'loading', ...began, threads });
}

function spawnRunner(
  state: PoolState,
  { model, name }: Combo,
  device: DeviceName | null,
  kind: BaseStartKind,
  nowMs: number,
  effects: PoolEffect[],
): UsableRunner {
  const id = nextRunnerId(state);
  effects.push({ type: 'spawn', runnerId: id, model, device });
  const detail = device === null ? {} : { detail: { device } };
  effects.push({ type: 'note', note: 'runner_spawned', runnerId: id, combo: name, ...detail });
  mapPages(state, { id, model, device }, weightNeed(state, model, device).host);
  return moveTo(state, { id, device, model, combos: new Slots(), state: 'starting', sinceMs: nowMs, kind });
}

/** A standby that is up loads at once; one that is still coming up loads when it is. */
function claimStandby(
  state: PoolState,
  { model, name }: Combo,
  device: DeviceName | null,
  kind: BaseStartKind,
  nowMs: number,
  effects: PoolEffect[],
): UsableRunner | undefined {
  const standby = freeStandby(state, device);
  if (!standby) return undefined;
  const { id } = standby;
  mapPages(state, { id, model, device }, weightNeed(state, model, device).host);
  effects.push({ type: 'claim', runnerId: id, model });
  effects.push({ type: 'note', note: 'standby_claimed', runnerId: id, combo: name });
  if (standby.state === 'standby') return load(state, { ...standby, model }, kind, nowMs, nowMs, effects);
  const claimed = Object.assign(standby, { model, kind });
  forgetUsable(state, claimed);
  return claimed;
}

/** Orders the base to be loaded. `claimedMs`: see Runner. */
export function load(
  state: PoolState,
  {
    id,
    device,
    combos,
    model,
  }: Pick<Runner, 'id' | 'device' | 'combos'> & { readonly model: CatalogueModel },
  kind: BaseStartKind,
  claimedMs: number | null,
  nowMs: number,
  effects: PoolEffect[],
): UsableRunner {
  const threads = threadShare(state, model, decodingRunners(state) + 1);
  const atSource = pagesOf(state, { id, model })?.atSource === true;
  effects.push({ type: 'load', runnerId: id, model, threads, ...(atSource && { atSource }) });
  effects.push({ type: 'note', note: 'runner_loading', runnerId: id, detail: { base: model.id } });
  const began = { sinceMs: nowMs, claimedMs, kind, keptBytes: 0 };
  return moveTo(state, { id, device, model, combos, state: 'loading', ...began, threads });
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
  const bytes = comboNeed(state, combo, runner.device, runner);
  const adapters = stageablesOf(combo).filter(isAdapter);
  stageFor(state, adapters, { priority: 'demand', device: runner.device }, nowMs, effects);
  if (runner.state === 'ready') {
    attach(runner, { combo, kind: 'attach', begunMs: nowMs, bytes }, nowMs, effects);
    place(state, want, { runnerId: runner.id, kind: 'attach' }, false);
  } else {
    // Somebody else's start of the base is under way: this combo joins it.
    const kind = kindOf(runner);
    runner.combos.set(combo.key, { state: 'wanted', combo, kind, begunMs: nowMs, bytes });
    place(state, want, { runnerId: runner.id, kind }, true);
  }
}

/** Of the start of its base that is under way. */
export function kindOf(runner: Runner): BaseStartKind {
  const isUnderWay = runner.state === 'loading' || runner.state === 'starting';
  return (isUnderWay ? runner.kind : undefined) ?? 'cold';
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

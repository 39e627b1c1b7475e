import type { CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { ComboKey, DeviceName } from '../domain/ids.ts';
import { isCovered } from './bytes.ts';
import { isCurrentCombo } from './current.ts';
import { devicesFor, wantsDevice } from './devices.ts';
import type { PoolEffect } from './effects.ts';
import { holdersOf, type ReadyHolder } from './holders.ts';
import { isKept } from './keeps.ts';
import { comboNeed, missingBytes } from './memory.ts';
import { keptRunners } from './plans.ts';
import { isPromised } from './promises.ts';
import { quarantineOf } from './quarantine.ts';
import { isResizable, narrow, widen } from './resizing.ts';
import { type Source, sourcesOf } from './sources.ts';
import { startOnRunner, startRunner } from './starts.ts';
import { isIdle, type PoolState } from './state.ts';
import { detach, stopRunner } from './stops.ts';
import { decodingRunners } from './threads.ts';
import { runnersOfBase, runnersWithBase } from './usable.ts';

/**
 * How many requests of a combo run or wait, averaged over a long and a short window: Knative's autoscaler
 * (https://knative.dev/docs/serving/autoscaling/kpa-specific/), with means that decay instead of buckets.
 */
export interface Load {
  stable: number;
  panic: number;
  atMs: number;
  /** Until then it is not spread over fewer runners. */
  panicUntilMs: number;
}

/** The short window asks for this many times the runners that there are: it panics. */
const PANIC_THRESHOLD = 2;

/** Most runners that the combo is spread over. */
export function maxRunnersOf({ catalogue }: PoolState, { name, model }: Combo): number {
  return catalogue.scaling.get(name)?.maxRunners ?? model.maxRunners;
}

/** Most runners that the base may have: those that its combos may be spread over, and those that are pinned. */
export function mostRunners(state: PoolState, model: CatalogueModel): number {
  let most = Math.max(model.maxRunners, keptRunners(state, model));
  for (const [name, { maxRunners }] of state.catalogue.scaling)
    if (name.split('+', 1)[0] === model.id) most = Math.max(most, maxRunners);
  return most;
}

/**
 * Gives hot combos more sequences where they are, and when those cannot have more one runner more, where that is worth it;
 * those that have cooled down have one runner less, and fewer sequences.
 */
export function scale(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  const scaled = scalable(state);
  for (const key of state.loads.keys()) if (!scaled.has(key)) state.loads.delete(key);
  for (const [key, holders] of scaled) scaleCombo(state, key, holders, nowMs, effects);
}

/** Combos that may be spread or have other sequences, with the runners that serve them now. */
function scalable(state: PoolState): Map<ComboKey, ReadyHolder[]> {
  const scaled = new Map<ComboKey, ReadyHolder[]>();
  for (const runner of state.runners.values()) {
    if (runner.state !== 'ready' || runner.combos.size === 0) continue;
    for (const [key, slot] of runner.combos) {
      if (slot.state !== 'ready') continue;
      if (maxRunnersOf(state, slot.combo) < 2 && !isResizable(state, { runner, slot })) continue;
      if (!isCurrentCombo(slot.combo, state.catalogue)) continue;
      const holders = scaled.get(key);
      if (holders) holders.push({ runner, slot });
      else scaled.set(key, [{ runner, slot }]);
    }
  }
  return scaled;
}

function scaleCombo(
  state: PoolState,
  key: ComboKey,
  ready: readonly ReadyHolder[],
  nowMs: number,
  effects: PoolEffect[],
): void {
  const combo = ready[0]?.slot.combo;
  if (!combo) return;
  const load = averageLoad(state, combo, ready, nowMs);
  const wanted = wantedRunners(state, combo, load, ready, nowMs);
  const desired = Math.min(wanted, maxRunnersOf(state, combo));
  const there = holdersOf(state, combo).length;
  if (wanted > there) grow(state, combo, ready, { there, desired }, nowMs, effects);
  if (desired < ready.length) gather(state, ready, nowMs, effects);
  else narrow(state, ready, neededSequences(state, key, load, nowMs), nowMs, effects);
}

/** What runs and waits now goes into the combo's averages. */
function averageLoad(state: PoolState, combo: Combo, ready: readonly ReadyHolder[], nowMs: number): Load {
  const { stableWindowMs, panicWindowMs } = state.settings;
  let demand = state.queues.get(combo.key)?.waiters.length ?? 0;
  for (const { slot } of ready) demand += slot.active;
  const load = state.loads.get(combo.key) ?? { stable: 0, panic: 0, atMs: nowMs, panicUntilMs: 0 };
  // The mean age of what a window of so many ms holds is half of it.
  const weightOf = (windowMs: number): number => 1 - Math.exp((load.atMs - nowMs) / (windowMs / 2));
  load.stable += (demand - load.stable) * weightOf(stableWindowMs);
  load.panic += (demand - load.panic) * weightOf(panicWindowMs);
  load.atMs = nowMs;
  state.loads.set(combo.key, load);
  return load;
}

/** On how many runners the load should be, however many the combo may have. Has no side effects but on when it panics. */
function wantedRunners(
  state: PoolState,
  { model }: Combo,
  load: Load,
  ready: readonly ReadyHolder[],
  nowMs: number,
): number {
  const { stableWindowMs, targetOccupancy } = state.settings;
  const forPanic = runnersFor(load.panic / targetOccupancy, ready, model.sequences);
  if (forPanic >= PANIC_THRESHOLD * ready.length) load.panicUntilMs = nowMs + stableWindowMs;
  const forStable = runnersFor(load.stable / targetOccupancy, ready, model.sequences);
  return nowMs < load.panicUntilMs ? Math.max(forPanic, forStable, ready.length) : forStable;
}

/** Below how many sequences the combo does not go. Who waits for room may need what idle ones hold: then it goes to any. */
function neededSequences(state: PoolState, key: ComboKey, load: Load, nowMs: number): number {
  if (state.unplaced.bases.size > 0) return 0;
  const isHot = nowMs < load.panicUntilMs || state.queues.has(key);
  return isHot ? Number.POSITIVE_INFINITY : load.stable / state.settings.targetOccupancy;
}

/** How many have so many sequences: the oldest first, then others with as many as one begins with. At least one. */
function runnersFor(sequences: number, ready: readonly ReadyHolder[], perRunner: number): number {
  let left = sequences;
  let runners = 0;
  for (const { slot } of ready) {
    if (left <= 0) break;
    left -= slot.sequences;
    runners += 1;
  }
  return Math.max(1, runners + Math.ceil(Math.max(0, left) / perRunner));
}

/** More sequences where it is; when none are to be had, and it may, one runner more. */
function grow(
  state: PoolState,
  combo: Combo,
  ready: readonly ReadyHolder[],
  { there, desired }: { readonly there: number; readonly desired: number },
  nowMs: number,
  effects: PoolEffect[],
): void {
  const head = state.queues.get(combo.key)?.waiters[0];
  // Flex work fills what is idle: neither sequences nor a runner more for it.
  if (!head || head.tier === 'flex' || nowMs - head.waitsSinceMs < state.settings.scaleUpDelayMs) return;
  if (widen(state, ready, nowMs, effects) || desired <= there || !isWorthIt(state, combo)) return;
  if (!beginReplica(state, combo, nowMs, effects)) return;
  effects.push({ type: 'note', note: 'scaled_up', combo: combo.name, detail: { runners: there + 1 } });
}

/** On the host a runner more helps as long as cores are free; on a device where none of the base is yet. */
function isWorthIt(state: PoolState, { model }: Combo): boolean {
  if (!wantsDevice(state, model)) return decodingRunners(state) < state.settings.cpuThreads;
  return devicesFor(state, model).some(({ name }) => !isUsedBy(state, model, name));
}

function isUsedBy(state: PoolState, model: CatalogueModel, device: DeviceName): boolean {
  return runnersOfBase(state, model).some((runner) => runner.device === device);
}

function beginReplica(state: PoolState, combo: Combo, nowMs: number, effects: PoolEffect[]): boolean {
  if (quarantineOf(state, combo, true, nowMs)) return false;
  const want = { type: 'replica', combo, sinceMs: nowMs } as const;
  const runners = runnersOfBase(state, combo.model);
  const other = runners.find(
    (runner) => !runner.combos.has(combo.key) && runner.combos.size < state.settings.maxCombosPerRunner,
  );
  if (other) {
    const need = comboNeed(state, combo, other.device, other);
    if (!isCovered(missingBytes(state, need, other.device))) return false;
    startOnRunner(state, other, want, nowMs, effects);
    return true;
  }
  if (runners.length >= mostRunners(state, combo.model)) return false;
  if (runnersWithBase(state) >= state.settings.maxRunners) return false;
  const source = freeSource(state, combo);
  if (source) startRunner(state, want, source, nowMs, effects);
  return source !== undefined;
}

/** Where a runner more of its base helps and has memory now. */
function freeSource(state: PoolState, combo: Combo): Source | undefined {
  return sourcesOf(state, combo).find(
    ({ device, missing }) => isCovered(missing) && (device === null || !isUsedBy(state, combo.model, device)),
  );
}

/** Lets go of the combo on its newest runner that nobody has used for the grace time, and of that when it has no other. */
function gather(state: PoolState, ready: readonly ReadyHolder[], nowMs: number, effects: PoolEffect[]): void {
  const surplus = ready.findLast(
    ({ runner, slot }) =>
      slot.active === 0 &&
      nowMs - slot.lastUsedMs >= state.settings.scaleDownAfterMs &&
      !isKept(state, runner, slot.combo.key) &&
      !isPromised(state, slot.combo.key, runner.id),
  );
  if (!surplus) return;
  const { runner, slot } = surplus;
  effects.push({
    type: 'note',
    note: 'scaled_down',
    combo: slot.combo.name,
    detail: { runners: ready.length - 1 },
  });
  if (runner.combos.size === 1 && isIdle(runner)) stopRunner(state, runner, 'surplus', nowMs, effects);
  else detach(runner, slot, nowMs, effects);
}

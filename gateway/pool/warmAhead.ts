import { unavailability } from '../domain/availability.ts';
import type { Combo } from '../domain/combo.ts';
import type { DeviceName } from '../domain/ids.ts';
import { type Bytes, isCovered, minus, plus, totalOf } from './bytes.ts';
import { withPlace } from './candidates.ts';
import { isCurrentCombo } from './current.ts';
import type { PoolEffect } from './effects.ts';
import type { PoolEvent } from './events.ts';
import { canFit } from './fit.ts';
import { holdersOf, isHeld } from './holders.ts';
import { comboNeed, freeBytes, wholeNeed } from './memory.ts';
import { orderWaiter } from './orders.ts';
import { quarantineOf } from './quarantine.ts';
import { enqueue } from './queues.ts';
import type { ComboSlot } from './slots.ts';
import { sourcesOf } from './sources.ts';
import { baseKey, type PoolState, type UsableRunner } from './state.ts';
import { isDozing, runnersOfBase, runnersWithBase } from './usable.ts';

/** What was started for nobody yet, because it was to be expected. */
export interface WarmedAhead {
  readonly combo: Combo;
  readonly bytes: number;
  /** Kept so long although nobody asks for it, and not started again for the same forecast. */
  readonly untilMs: number;
}

/** A combo that is likely to be asked for. */
export interface LikelyCombo {
  readonly combo: Combo;
  /** 0 to 1. */
  readonly chance: number;
}

/** What is left to start things with while one forecast is followed. */
interface Room {
  /** Of each budget that was asked for until now; null: the host's. */
  readonly free: Map<DeviceName | null, number>;
  budgetBytes: number;
  runners: number;
  /** By baseKey: combos that this forecast starts. */
  readonly begun: Map<string, number>;
  /** The devices of the bases that it starts. */
  readonly bases: Map<string, DeviceName | null>;
}

/**
 * Starts what is likely to be asked for, where most is to be saved (chance x bytes to bring) first. It takes only what
 * nobody else has or waits for: free memory, a free place among the runners, and of that no more than the budget for all
 * that was warmed ahead and not used since. It evicts nothing, and does nothing while anybody waits for room.
 */
export function warmAhead(
  state: PoolState,
  { likely, budgetBytes, horizonMs }: Extract<PoolEvent, { type: 'demandExpected' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  forgetAhead(state, nowMs);
  if (state.shuttingDown || state.unplaced.bases.size > 0) return;
  const room: Room = {
    free: new Map(),
    budgetBytes: budgetBytes - aheadBytes(state),
    runners: state.settings.maxRunners - runnersWithBase(state),
    begun: new Map(),
    bases: new Map(),
  };
  const saving = ({ combo, chance }: LikelyCombo): number =>
    chance * totalOf(bytesToBring(state, combo, room, deviceOf(state, combo, room)));
  for (const one of likely.toSorted((a, b) => saving(b) - saving(a))) {
    if (unavailability(one.combo, state.store !== null)) continue;
    if (quarantineOf(state, one.combo, true, nowMs)) continue;
    const bytes = takeRoom(state, one.combo, room);
    if (bytes === null) continue;
    const { combo } = one;
    const { key, name } = combo;
    state.warmedAhead.set(key, { combo, bytes, untilMs: nowMs + horizonMs });
    const id = `ahead ${key}`;
    enqueue(state, combo, orderWaiter(id), nowMs, effects);
    const detail = { chance: one.chance, bytes };
    effects.push({ type: 'note', note: 'warmed_ahead', combo: name, detail });
  }
}

/** How long a combo is kept that becomes ready: its model's ttl, or what is left of the forecast that it was started for. */
export function firstKeepAliveMs(state: PoolState, { key, model }: Combo, nowMs: number): number {
  const ttlMs = model.idleTtlMs ?? Number.POSITIVE_INFINITY;
  return Math.max(ttlMs, (state.warmedAhead.get(key)?.untilMs ?? nowMs) - nowMs);
}

/** The forecast that it was started for is over. */
function forgetAhead(state: PoolState, nowMs: number): void {
  for (const [key, { untilMs }] of state.warmedAhead) if (untilMs <= nowMs) state.warmedAhead.delete(key);
}

/** Held by, or promised to, what was warmed ahead and nobody has used since. */
export function aheadBytes(state: PoolState): number {
  let total = 0;
  for (const { combo, bytes } of state.warmedAhead.values()) if (isUnused(state, combo)) total += bytes;
  return total;
}

function isUntouched(slot: ComboSlot): boolean {
  if (slot.state === 'ready') return slot.worth.uses <= 1;
  return slot.state === 'wanted' || slot.state === 'attaching';
}

function isUnused(state: PoolState, combo: Combo): boolean {
  const held = holdersOf(state, combo);
  return held.length > 0 && held.every(({ slot }) => isUntouched(slot));
}

/** Books the room that a start takes, in bytes; null: there is none, or it needs no start. */
function takeRoom(state: PoolState, combo: Combo, room: Room): number | null {
  if (state.warmedAhead.has(combo.key) || state.queues.has(combo.key)) return null;
  if (!isCurrentCombo(combo, state.catalogue) || isHeld(state, combo) || !canFit(state, combo)) return null;
  // In a moment it sleeps, and is soonest woken by whoever asks for it.
  if (isDozing(state, combo.model)) return null;
  const base = baseKey(combo.model);
  const runner = runnerFor(state, combo);
  const begun = room.begun.get(base) ?? 0;
  const isNew = !runner && begun === 0;
  if (isNew && room.runners <= 0) return null;
  if (placesTaken(runner) + begun >= state.settings.maxCombosPerRunner) return null;
  const device = deviceOf(state, combo, room);
  const need = bytesToBring(state, combo, room, device);
  const bytes = totalOf(need);
  if (need.host > freeOf(state, room, null) || bytes > room.budgetBytes) return null;
  if (device !== null && need.device > freeOf(state, room, device)) return null;
  room.free.set(null, freeOf(state, room, null) - need.host);
  if (device !== null) room.free.set(device, freeOf(state, room, device) - need.device);
  room.budgetBytes -= bytes;
  if (isNew) room.runners -= 1;
  room.bases.set(base, device);
  room.begun.set(base, begun + 1);
  return bytes;
}

/** The one that placing would take, of several on which the base is. */
function runnerFor(state: PoolState, combo: Combo): UsableRunner | undefined {
  const runners = runnersOfBase(state, combo.model);
  return withPlace(state, runners, combo) ?? runners[0];
}

function placesTaken(runner: UsableRunner | undefined): number {
  return runner?.combos.size ?? 0;
}

function bytesToBring(state: PoolState, combo: Combo, room: Room, device: DeviceName | null): Bytes {
  const runner = runnerFor(state, combo);
  const hasBase = runner !== undefined || room.begun.has(baseKey(combo.model));
  const need = comboNeed(state, combo, device, runner);
  return hasBase ? need : plus(need, minus(wholeNeed(state, combo, device), comboNeed(state, combo, device)));
}

/** That of the base's runner, else the one that a start would take when those before it have begun. */
function deviceOf(state: PoolState, combo: Combo, room: Room): DeviceName | null {
  const runner = runnerFor(state, combo);
  if (runner) return runner.device;
  const begun = room.bases.get(baseKey(combo.model));
  if (begun !== undefined) return begun;
  const sources = sourcesOf(state, combo).map(({ device, sleeper, missing }) => {
    const taken = (where: DeviceName | null): number => freeBytes(state, where) - freeOf(state, room, where);
    const onDevice = device === null ? 0 : missing.device + taken(device);
    return {
      device,
      isAwake: sleeper === null,
      missing: { host: missing.host + taken(null), device: onDevice },
    };
  });
  sources.sort((a, b) => Number(a.isAwake) - Number(b.isAwake) || a.missing.device - b.missing.device);
  return (sources.find(({ missing }) => isCovered(missing)) ?? sources[0])?.device ?? null;
}

function freeOf(state: PoolState, { free }: Room, device: DeviceName | null): number {
  return free.get(device) ?? freeBytes(state, device);
}

import { unavailability } from '../domain/availability.ts';
import type { Combo } from '../domain/combo.ts';
import type { ComboKey } from '../domain/ids.ts';
import { isCurrentCombo } from './current.ts';
import type { PoolEffect } from './effects.ts';
import type { PoolEvent } from './events.ts';
import { canFit } from './fit.ts';
import { holdersOf, isHeld } from './holders.ts';
import { comboNeed, freeBytes, weightNeed } from './memory.ts';
import { orderWaiter } from './orders.ts';
import { quarantineOf } from './quarantine.ts';
import { enqueue } from './queues.ts';
import { baseKey, type ComboSlot, type PoolState, runnersWithBase, type UsableRunner } from './state.ts';
import { runnersOfBase } from './usable.ts';

/** What was started for nobody yet, because it was to be expected. */
export interface WarmedAhead {
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
  freeBytes: number;
  budgetBytes: number;
  runners: number;
  /** By baseKey: combos that this forecast starts. */
  readonly begun: Map<string, number>;
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
    freeBytes: freeBytes(state),
    budgetBytes: budgetBytes - aheadBytes(state),
    runners: state.settings.maxRunners - runnersWithBase(state),
    begun: new Map(),
  };
  const saving = ({ combo, chance }: LikelyCombo): number => chance * bytesToBring(state, combo, room);
  for (const one of likely.toSorted((a, b) => saving(b) - saving(a))) {
    if (unavailability(one.combo) || quarantineOf(state, one.combo, true, nowMs)) continue;
    const bytes = takeRoom(state, one.combo, room);
    if (bytes === null) continue;
    const { key, name } = one.combo;
    state.warmedAhead.set(key, { bytes, untilMs: nowMs + horizonMs });
    const id = `ahead ${key}`;
    enqueue(state, one.combo, orderWaiter(id), nowMs, effects);
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
  for (const [key, { bytes }] of state.warmedAhead) if (isUnused(state, key)) total += bytes;
  return total;
}

function isUntouched(slot: ComboSlot): boolean {
  if (slot.state === 'ready') return slot.worth.uses <= 1;
  return slot.state === 'wanted' || slot.state === 'attaching';
}

function isUnused(state: PoolState, key: ComboKey): boolean {
  const held = holdersOf(state, key);
  return held.length > 0 && held.every(({ slot }) => isUntouched(slot));
}

/** Books the room that a start takes, in bytes; null: there is none, or it needs no start. */
function takeRoom(state: PoolState, combo: Combo, room: Room): number | null {
  if (state.warmedAhead.has(combo.key) || state.queues.has(combo.key)) return null;
  if (!isCurrentCombo(combo, state.catalogue) || isHeld(state, combo.key) || !canFit(state, combo))
    return null;
  const base = baseKey(combo.model);
  const [runner] = runnersOfBase(state, combo.model);
  const begun = room.begun.get(base) ?? 0;
  const isNew = !runner && begun === 0;
  if (isNew && room.runners <= 0) return null;
  if (placesTaken(runner) + begun >= state.settings.maxCombosPerRunner) return null;
  const bytes = bytesToBring(state, combo, room);
  if (bytes > room.freeBytes || bytes > room.budgetBytes) return null;
  room.freeBytes -= bytes;
  room.budgetBytes -= bytes;
  if (isNew) room.runners -= 1;
  room.begun.set(base, begun + 1);
  return bytes;
}

function placesTaken(runner: UsableRunner | undefined): number {
  return runner?.combos.size ?? 0;
}

function bytesToBring(state: PoolState, combo: Combo, room: Room): number {
  const [runner] = runnersOfBase(state, combo.model);
  const hasBase = runner !== undefined || room.begun.has(baseKey(combo.model));
  return comboNeed(state, combo, runner) + (hasBase ? 0 : weightNeed(state, combo.model));
}

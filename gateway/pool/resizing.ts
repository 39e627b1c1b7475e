import type { Combo } from '../domain/combo.ts';
import { isCovered, minus, split } from './bytes.ts';
import { bytesOfSize } from './contexts.ts';
import type { PoolEffect } from './effects.ts';
import type { PoolEvent } from './events.ts';
import type { ReadyHolder } from './holders.ts';
import { comingBytes, missingBytes, slotsBytes } from './memory.ts';
import { blockedByMemory } from './placing.ts';
import { grantWaiting } from './serving.ts';
import type { DrainingSlot, ReadySlot } from './slots.ts';
import type { PoolState } from './state.ts';
import { decodingRunners } from './threads.ts';
import { mayGiveWay, tierOf } from './tiers.ts';
import { headMs, wantedMs } from './wants.ts';

/** A combo whose size a runner could not change keeps it for so long. */
export const RESIZE_AGAIN_MS = 60_000;

/** Most sequences that the combo may have on one runner. */
export function maxSequencesOf({ catalogue }: PoolState, { model }: Combo): number {
  return (catalogue.models.get(model.id) ?? model).maxSequences;
}

/** It has another size than its runner gives a combo at first, or may get one. */
export function isResizable(state: PoolState, { runner, slot }: ReadyHolder): boolean {
  return slot.sequences > runner.model.sequences || slot.sequences < maxSequencesOf(state, slot.combo);
}

/**
 * Begins to double the combo's sequences on the oldest of its runners that can have more, out of what is free: nothing
 * gives way for it. True when one is being given another size, so that no runner more is called for yet.
 */
export function widen(
  state: PoolState,
  ready: readonly ReadyHolder[],
  nowMs: number,
  effects: PoolEffect[],
): boolean {
  if (ready.some(({ slot }) => slot.resize !== null)) return true;
  for (const holder of ready) {
    const most = maxSequencesOf(state, holder.slot.combo);
    const sequences = Math.min(2 * holder.slot.sequences, most);
    if (sequences <= holder.slot.sequences || !isWorthIt(state, holder)) continue;
    if (beginWider(state, holder, sequences, nowMs, effects)) return true;
  }
  return false;
}

/**
 * Gives combos the size back that their runners gave them at first, when nobody has used them for the grace time and the
 * others have the sequences that are needed. One that is busy with no more than that gets it, too, when somebody has waited
 * for memory until his turn: what runs goes on in the larger context, which goes when that has ended, however much comes.
 */
export function narrow(
  state: PoolState,
  ready: readonly ReadyHolder[],
  neededSequences: number,
  nowMs: number,
  effects: PoolEffect[],
): void {
  // Somebody who waits for room may need what it holds.
  const graceMs = state.unplaced.bases.size > 0 ? 0 : state.settings.scaleDownAfterMs;
  let sequences = 0;
  for (const { slot } of ready) sequences += slot.sequences;
  for (const holder of ready.toReversed()) {
    const { runner, slot } = holder;
    const surplus = slot.sequences - runner.model.sequences;
    if (surplus <= 0 || sequences - surplus < neededSequences) continue;
    if (slot.resize !== null || nowMs < slot.resizeAfterMs || nowMs - slot.lastUsedMs < graceMs) continue;
    if (slot.active > 0 && !isBusyForLess(state, holder, nowMs)) continue;
    beginNarrower(holder, nowMs, effects);
    sequences -= surplus;
  }
}

/** It does not use what it has more than at first, and somebody lacks memory whose turn it is to have it. */
function isBusyForLess(state: PoolState, { runner, slot }: ReadyHolder, nowMs: number): boolean {
  if (slot.active > runner.model.sequences) return false;
  const blocked = blockedByMemory(state, nowMs);
  if (!blocked) return false;
  const { want, device, missing } = blocked;
  const lacking = minus(missing, comingBytes(state, device, blocked));
  // What it would give back is of its own device and of the host.
  const helps = lacking.host > 0 || (lacking.device > 0 && device === runner.device);
  if (!helps) return false;
  if (nowMs - wantedMs(want) < state.settings.swapAfterMs) return false;
  return mayGiveWay(state, slot, tierOf(headMs(want)), nowMs);
}

/** On the host its runner must have a core of its own to make something of more sequences; a device has room for more. */
function isWorthIt(state: PoolState, { runner }: ReadyHolder): boolean {
  return runner.device !== null || decodingRunners(state) <= state.settings.cpuThreads;
}

/** False: it may not be tried, or lacks memory, which nobody who waits for room may lose by it. */
function beginWider(
  state: PoolState,
  { runner, slot }: ReadyHolder,
  sequences: number,
  nowMs: number,
  effects: PoolEffect[],
): boolean {
  // A combo without KV cache of its own shares another one's context, whose size is not its own.
  if (slot.kvBytes === 0 || nowMs < slot.resizeAfterMs) return false;
  if (state.unplaced.bases.size > 0) return false;
  const need = bytesOfSize(slot, sequences);
  const { kvBudgetBytes } = runner.model;
  const held = slotsBytes(runner, 'host') + slotsBytes(runner, 'device');
  if (kvBudgetBytes !== null && held + need > kvBudgetBytes) return false;
  const reserveBytes = bytesOfSize(slot, runner.model.sequences);
  const more = split(need + reserveBytes - slot.reserveBytes, slot.deviceShare);
  if (!isCovered(missingBytes(state, more, runner.device))) return false;
  slot.reserveBytes = reserveBytes;
  slot.resize = { from: slot.sequences, sequences, sinceMs: nowMs, bytes: need };
  runner.combos.changed();
  effects.push({ type: 'resize', runnerId: runner.id, comboKey: slot.combo.key, sequences });
  return true;
}

/** What it takes has been kept free. It serves no more than it will have room for from now on. */
function beginNarrower({ runner, slot }: ReadyHolder, nowMs: number, effects: PoolEffect[]): void {
  const { sequences } = runner.model;
  slot.resize = { from: slot.sequences, sequences, sinceMs: nowMs, bytes: slot.reserveBytes };
  slot.reserveBytes = 0;
  slot.sequences = sequences;
  runner.combos.changed();
  effects.push({ type: 'resize', runnerId: runner.id, comboKey: slot.combo.key, sequences });
}

/** New requests use the new context; those that run end in the one before, which is there until then. */
export function comboResized(
  state: PoolState,
  event: Extract<PoolEvent, { type: 'comboResized' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const { runnerId, comboKey, sequences, kvBytes, computeBytes } = event;
  const slot = slotOf(state, event);
  if (slot?.resize?.sequences !== sequences) return;
  const { from } = slot.resize;
  slot.retiringBytes += slot.kvBytes + slot.computeBytes;
  slot.sequences = sequences;
  slot.kvBytes = kvBytes;
  slot.computeBytes = computeBytes;
  slot.resize = null;
  state.runners.get(runnerId)?.combos.changed();
  const combo = slot.combo.name;
  const detail = { from, sequences, kvBytes, computeBytes };
  const note = sequences > from ? 'combo_widened' : 'combo_narrowed';
  effects.push({ type: 'note', note, runnerId, combo, detail });
  grantWaiting(state, comboKey, nowMs, effects);
}

/** It keeps the size that it has, and nobody who waits is the worse for it. */
export function comboResizeFailed(
  state: PoolState,
  event: Extract<PoolEvent, { type: 'comboResizeFailed' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const { runnerId, comboKey, failure } = event;
  const slot = slotOf(state, event);
  if (!slot?.resize) return;
  const { from, sequences, bytes } = slot.resize;
  const runner = state.runners.get(runnerId);
  const first = runner?.model?.sequences ?? from;
  if (sequences < from) slot.reserveBytes = bytes;
  else if (from <= first) slot.reserveBytes = 0;
  slot.sequences = from;
  slot.resize = null;
  slot.resizeAfterMs = nowMs + RESIZE_AGAIN_MS;
  runner?.combos.changed();
  const detail = { from, sequences, code: failure.code, message: failure.message };
  effects.push({ type: 'note', note: 'combo_resize_failed', runnerId, combo: slot.combo.name, detail });
  grantWaiting(state, comboKey, nowMs, effects);
}

/** The contexts before the one of so many sequences have gone. What is told of an earlier one says nothing. */
export function contextsRetired(
  state: PoolState,
  event: Extract<PoolEvent, { type: 'contextsRetired' }>,
): void {
  const slot = slotOf(state, event);
  if (!slot || (slot.resize?.from ?? slot.sequences) !== event.sequences) return;
  slot.retiringBytes = 0;
  state.runners.get(event.runnerId)?.combos.changed();
}

/** One that serves; a combo that is let go, and a runner that has ended, take their contexts with them. */
function slotOf(
  state: PoolState,
  { runnerId, comboKey }: Pick<Extract<PoolEvent, { type: 'comboResized' }>, 'runnerId' | 'comboKey'>,
): ReadySlot | DrainingSlot | undefined {
  const slot = state.runners.get(runnerId)?.combos.get(comboKey);
  return slot?.state === 'ready' || slot?.state === 'draining' ? slot : undefined;
}

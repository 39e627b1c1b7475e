import type { Combo } from '../domain/combo.ts';
import type { ComboKey } from '../domain/ids.ts';
import type { StartKind } from '../domain/phases.ts';
import { type Bytes, NO_BYTES, type Part, partOf, plus } from './bytes.ts';
import { allContextBytes, type Contexts } from './contexts.ts';
import type { Worth } from './eviction.ts';
import type { InteractiveUse } from './tiers.ts';

/** A combo on a runner. */
export type ComboSlot =
  /** The runner does not hold its base yet. */
  | {
      readonly state: 'wanted';
      readonly combo: Combo;
      readonly kind: StartKind;
      /** When its start was begun. */
      readonly begunMs: number;
      readonly bytes: Bytes;
    }
  | {
      readonly state: 'attaching';
      readonly combo: Combo;
      readonly kind: StartKind;
      readonly begunMs: number;
      readonly sinceMs: number;
      /** Predicted. */
      readonly bytes: Bytes;
    }
  | ReadySlot
  /** Takes no new requests, so that another combo gets its place; detached when the last of its requests has ended. */
  | DrainingSlot
  | { readonly state: 'detaching'; readonly combo: Combo; readonly sinceMs: number; readonly bytes: Bytes };

export interface ReadySlot extends Contexts {
  readonly state: 'ready';
  readonly combo: Combo;
  readonly worth: Worth;
  readonly interactive: InteractiveUse;
  /** Granted requests that have not ended. */
  active: number;
  lastUsedMs: number;
  /** Idle time after which the combo goes; Infinity: never by idleness. */
  keepAliveMs: number;
}

/** A combo becomes ready, in one context that it keeps. */
export function readySlot(
  {
    combo,
    sequences,
    kvBytes,
    computeBytes,
    deviceShare,
    reserveBytes,
    worth,
    interactive,
    keepAliveMs,
  }: Omit<ReadySlot, 'state' | 'resize' | 'retiringBytes' | 'resizeAfterMs' | 'active' | 'lastUsedMs'>,
  nowMs: number,
): ReadySlot {
  return {
    state: 'ready',
    combo,
    sequences,
    kvBytes,
    computeBytes,
    deviceShare,
    resize: null,
    retiringBytes: 0,
    reserveBytes,
    resizeAfterMs: Number.NEGATIVE_INFINITY,
    worth,
    interactive,
    active: 0,
    lastUsedMs: nowMs,
    keepAliveMs,
  };
}

export interface DrainingSlot extends Contexts {
  readonly state: 'draining';
  readonly combo: Combo;
  active: number;
}

/** What is asked of a runner's combos together. */
export interface SlotSums {
  /** What they take. */
  readonly all: Bytes;
  /** Of those that are being let go. */
  readonly detaching: Bytes;
  /** How many are on their way. */
  readonly starting: number;
  /** When the oldest order was given that the runner carries out; Infinity: there is none. */
  readonly orderedMs: number;
  /** None has been idle for its keep-alive before that: what was used since stays longer. */
  readonly idleFromMs: number;
}

/**
 * The combos of a runner, by key. What they come to together is asked for by most events and changes with few: it is added
 * up when it is asked for after a change.
 */
export class Slots extends Map<ComboKey, ComboSlot> {
  #sums: SlotSums | null = null;

  override set(key: ComboKey, slot: ComboSlot): this {
    this.#sums = null;
    return super.set(key, slot);
  }

  override delete(key: ComboKey): boolean {
    this.#sums = null;
    return super.delete(key);
  }

  /** What one of them holds was changed in place. */
  changed(): void {
    this.#sums = null;
  }

  get sums(): SlotSums {
    this.#sums ??= sumsOf(this);
    return this.#sums;
  }
}

const NO_SLOTS: SlotSums = {
  all: NO_BYTES,
  detaching: NO_BYTES,
  starting: 0,
  orderedMs: Number.POSITIVE_INFINITY,
  idleFromMs: Number.POSITIVE_INFINITY,
};

export function sumsOf(slots: ReadonlyMap<ComboKey, ComboSlot>): SlotSums {
  if (slots.size === 0) return NO_SLOTS;
  let { all, detaching, starting, orderedMs, idleFromMs } = NO_SLOTS;
  for (const slot of slots.values()) {
    const bytes = allSlotBytes(slot);
    all = plus(all, bytes);
    if (slot.state === 'detaching') detaching = plus(detaching, bytes);
    if (slot.state === 'wanted' || slot.state === 'attaching') starting += 1;
    if (slot.state === 'ready') idleFromMs = Math.min(idleFromMs, slot.lastUsedMs + slot.keepAliveMs);
    orderedMs = Math.min(orderedMs, orderedSince(slot) ?? orderedMs);
  }
  return { all, detaching, starting, orderedMs, idleFromMs };
}

/** When the order was given that its runner carries out on it; null: none. */
export function orderedSince(slot: ComboSlot): number | null {
  if (slot.state === 'attaching' || slot.state === 'detaching') return slot.sinceMs;
  return slot.state === 'wanted' ? null : (slot.resize?.sinceMs ?? null);
}

/** How long it is kept idle from now on. */
export function keepAlive(
  { combos }: { readonly combos: Slots },
  slot: ReadySlot,
  keepAliveMs: number,
): void {
  if (slot.keepAliveMs === keepAliveMs) return;
  slot.keepAliveMs = keepAliveMs;
  combos.changed();
}

export function allSlotBytes(slot: ComboSlot): Bytes {
  return { host: slotBytes(slot, 'host'), device: slotBytes(slot, 'device') };
}

export function slotBytes(slot: ComboSlot, part: Part): number {
  if (slot.state === 'ready' || slot.state === 'draining')
    return partOf(allContextBytes(slot), slot.deviceShare, part);
  return slot.bytes[part];
}

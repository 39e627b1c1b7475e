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

export interface DrainingSlot extends Contexts {
  readonly state: 'draining';
  readonly combo: Combo;
  active: number;
}

/** What combos of a runner take together. */
export interface SlotSums {
  readonly all: Bytes;
  /** Of those that are being let go. */
  readonly detaching: Bytes;
}

/**
 * The combos of a runner, by key. What they take together is asked for by most events and changes with few: it is added up
 * when it is asked for after a change.
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

export function sumsOf(slots: ReadonlyMap<ComboKey, ComboSlot>): SlotSums {
  let all = NO_BYTES;
  let detaching = NO_BYTES;
  for (const slot of slots.values()) {
    const bytes = allSlotBytes(slot);
    all = plus(all, bytes);
    if (slot.state === 'detaching') detaching = plus(detaching, bytes);
  }
  return { all, detaching };
}

export function allSlotBytes(slot: ComboSlot): Bytes {
  return { host: slotBytes(slot, 'host'), device: slotBytes(slot, 'device') };
}

function slotBytes(slot: ComboSlot, part: Part): number {
  if (slot.state === 'ready' || slot.state === 'draining')
    return partOf(allContextBytes(slot), slot.deviceShare, part);
  return slot.bytes[part];
}

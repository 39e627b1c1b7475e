import type { DemandSlot } from '../pool/forecast.ts';

/** How often each combo was asked for, as the ledger has it. */
export interface DemandHistory {
  /** A row for each combo and slot of that length since then in which it was asked for. Read off the event loop. */
  since(epochMs: number, slotMs: number): Promise<readonly DemandSlot[]>;
}

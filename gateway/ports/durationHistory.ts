import type { ComboName } from '../domain/ids.ts';
import type { StartKind } from '../domain/phases.ts';

/** How long something took in an earlier life of the gateway. */
export interface PastDuration {
  readonly combo: ComboName;
  /** As in the combo's key: what other files took says nothing of these. */
  readonly comboRevision: string;
  /** Of a start; null: of a request, from its grant to its end. */
  readonly kind: StartKind | null;
  readonly tookMs: number;
}

/** Durations as the ledger has them. */
export interface DurationHistory {
  /**
   * The last `perCombo` of each combo and kind among the newest starts and requests (so many that it takes a moment however
   * long the ledger is), the oldest first. Read off the event loop.
   */
  last(perCombo: number): Promise<readonly PastDuration[]>;
}

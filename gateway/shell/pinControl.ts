import type { Combo } from '../domain/combo.ts';
import type { Result } from '../domain/errors.ts';
import type { ComboName } from '../domain/ids.ts';
import type { PinLevel } from '../pool/pins.ts';

/** A pin as the admin API shows it. */
export interface PinView {
  readonly combo: string;
  readonly level: PinLevel;
  readonly count: number;
  readonly untilEpochMs: number | null;
  /** null: it comes from the configuration (`min_runners`). */
  readonly createdAtEpochMs: number | null;
  readonly source: 'api' | 'file';
  /** `unknown`: the catalogue does not have the combo now. */
  readonly state: 'ready' | 'staged' | 'restoring' | 'unknown';
  /** Runners that have it ready, and on which it is being started. */
  readonly ready: number;
  readonly starting: number;
  /** Of the memory budget, beside the pins before it. */
  readonly bytes: number;
  /** Why the last start of it failed; null: it did not. */
  readonly lastError: string | null;
  /** When the next start is begun; null: at once, or nothing is missing. */
  readonly retryInMs: number | null;
}

export interface PinOrder {
  readonly level: PinLevel;
  readonly count: number;
  readonly untilEpochMs: number | null;
}

/** What an operator can ask of pins. Writes resolve when they are on disk. */
export interface PinControl {
  list(): readonly PinView[];
  get(name: ComboName): PinView | null;
  /** `conflict` with the arithmetic when it cannot be kept together with the others. */
  put(combo: Combo, order: PinOrder): Promise<Result<PinView>>;
  /** `not_found` when there is none of the admin API's. */
  remove(name: ComboName): Promise<Result<unknown>>;
}

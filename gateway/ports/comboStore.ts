/** Combos that were asked for, with the revisions they then had. */
export interface ComboRow {
  readonly comboKey: string;
  readonly comboName: string;
  readonly baseId: string;
  /** `[{"id","scale","revision"}]`. */
  readonly adapters: readonly { id: string; scale: number; revision: string }[];
  readonly firstSeenAtEpochMs: number;
}

export interface ComboStore {
  /** Keeps the first of each key. Written in the background. */
  seen(row: ComboRow): void;
}

/** Combos that were asked for, with the revisions they then had. */
export interface ComboRow {
  readonly comboKey: string;
  readonly comboName: string;
  readonly baseId: string;
  /** Of the base's content; null: not known. */
  readonly baseDigest: string | null;
  readonly adapters: readonly { id: string; scale: number; revision: string; digest: string | null }[];
  readonly firstSeenAtEpochMs: number;
}

export interface ComboStore {
  /** Keeps the first of each key. Written in the background. */
  seen(row: ComboRow): void;
}

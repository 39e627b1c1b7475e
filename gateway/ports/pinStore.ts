/** A pin as the next gateway has to find it. */
export interface PinRow {
  /** Canonical name. */
  readonly combo: string;
  readonly level: 'ready' | 'staged';
  readonly count: number;
  /** null: without end. */
  readonly untilEpochMs: number | null;
  readonly createdAtEpochMs: number;
}

/** Operators' orders to keep combos. Writes resolve when they are on disk. */
export interface PinStore {
  /** The oldest first. */
  load(): Promise<PinRow[]>;
  /** A pin of the same combo takes the new values. */
  put(row: PinRow): Promise<void>;
  delete(combo: string): Promise<void>;
}

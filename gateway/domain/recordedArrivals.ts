/** What one combo's starts came to, as the ledger has them. */
export interface RecordedStarts {
  readonly combo: string;
  readonly base: string;
  readonly requests: number;
  /** Begun, not joined. */
  readonly starts: number;
  /** Of all that waited for a start, joined ones too: from arrival to the first prefill. */
  readonly waitedMs: number;
  readonly startMicroUsd: number;
  /** Median of what the steps took that bring its base, of the starts of all combos on it; null: none did. */
  readonly baseMs: number | null;
  /** Median of attach and context; null: none was recorded. */
  readonly attachMs: number | null;
}

/** The last requests of a range, in the order of their arrival, as columns: there are many. */
export interface RecordedArrivals {
  /** Requests in the range that got a runner. */
  readonly found: number;
  readonly combos: readonly RecordedStarts[];
  readonly atEpochMs: Float64Array;
  /** Index into `combos`. */
  readonly combo: Uint32Array;
  /** From grant to end. */
  readonly durationMs: Float64Array;
}

/** One thing that happened to the pool or the catalogue; what an operator reads after an incident. */
export interface PoolEvent {
  readonly atEpochMs: number;
  /** As `runner_spawned`, `runner_exited`, `combo_ready`, `combo_evicted`, `start_failed`, `catalogue_reloaded`. */
  readonly type: string;
  readonly runnerId?: string;
  readonly combo?: string;
  /** JSON object of details with units in the names. Never prompts, completions or keys. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

export interface EventLog {
  /** Written in the background with the next group commit. */
  append(event: PoolEvent): void;
  /** The newest first. Reads off the event loop's connection. */
  list(limit: number): Promise<readonly PoolEvent[]>;
}

/** Who hears of events as they happen. */
export interface EventListener {
  event(event: PoolEvent): void;
  /** There will be no more. */
  end(): void;
}

/** Events as they happen: those that the log gets, and some that are not worth a row. */
export interface LiveEvents {
  /** Goes to who listens now, and nowhere else. */
  tell(event: PoolEvent): void;
  /** Until what it returns is called. */
  listen(listener: EventListener): () => void;
}

/** A runner process as the database remembers it, to be found again after a crash of the gateway. */
export interface RunnerRow {
  readonly runnerId: string;
  readonly pid: number;
  /** The process's start time from /proc/<pid>/stat (field 22, clock ticks since boot): a pid alone proves nothing. */
  readonly pidStartTicks: string;
  /** /proc/sys/kernel/random/boot_id: ticks of another boot mean nothing. */
  readonly bootId: string;
  readonly baseId: string | null;
  readonly socketPath: string;
  readonly spawnedAtEpochMs: number;
}

export interface RunnerStore {
  /** Resolves when the row is on disk. */
  spawned(row: RunnerRow): Promise<void>;
  exited(runnerId: string, atEpochMs: number, reason: string): Promise<void>;
  /** Rows without an exit. */
  living(): Promise<RunnerRow[]>;
}

import type { RunnerRow, RunnerStore } from '../../gateway/ports/runnerStore.ts';

/** The runner store without a disk. */
export class MemoryRunnerStore implements RunnerStore {
  readonly rows = new Map<string, RunnerRow>();
  readonly exits = new Map<string, { atEpochMs: number; reason: string }>();

  async spawned(row: RunnerRow): Promise<void> {
    this.rows.set(row.runnerId, row);
    this.exits.delete(row.runnerId);
  }

  async exited(runnerId: string, atEpochMs: number, reason: string): Promise<void> {
    if (this.rows.has(runnerId) && !this.exits.has(runnerId)) this.exits.set(runnerId, { atEpochMs, reason });
  }

  async living(): Promise<RunnerRow[]> {
    return [...this.rows.values()]
      .filter(({ runnerId }) => !this.exits.has(runnerId))
      .sort((a, b) => a.spawnedAtEpochMs - b.spawnedAtEpochMs);
  }
}

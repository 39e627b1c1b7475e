import type { RunnerRow, RunnerStore } from '../../gateway/ports/runnerStore.ts';
import type { ReaderClient } from '../reader/client.ts';
import type { WriterClient } from '../writer/client.ts';

/** Runner processes as the next gateway has to find them. A row written again under its id takes the new values. */
export class SqliteRunnerStore implements RunnerStore {
  readonly #writer: WriterClient;
  readonly #reader: ReaderClient;

  constructor(writer: WriterClient, reader: ReaderClient) {
    this.#writer = writer;
    this.#reader = reader;
  }

  spawned(row: RunnerRow): Promise<void> {
    return this.#writer.write({ kind: 'runnerSpawned', row });
  }

  exited(runnerId: string, atEpochMs: number, reason: string): Promise<void> {
    return this.#writer.write({ kind: 'runnerExited', runnerId, atEpochMs, reason });
  }

  living(): Promise<RunnerRow[]> {
    return this.#reader.read('livingRunners', {});
  }
}

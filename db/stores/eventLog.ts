import type { EventLog, PoolEvent } from '../../gateway/ports/eventLog.ts';
import type { ReaderClient } from '../reader/client.ts';
import type { WriterClient } from '../writer/client.ts';

/** The event log: written in the background, read in the reader thread. */
export class SqliteEventLog implements EventLog {
  readonly #writer: WriterClient;
  readonly #reader: ReaderClient;

  constructor(writer: WriterClient, reader: ReaderClient) {
    this.#writer = writer;
    this.#reader = reader;
  }

  append({ atEpochMs, type, runnerId, combo, detail }: PoolEvent): void {
    const detailJson = detail ? JSON.stringify(detail) : null;
    const event = { atEpochMs, type, runnerId: runnerId ?? null, combo: combo ?? null, detailJson };
    this.#writer.writeInBackground({ kind: 'appendEvent', event });
  }

  list(limit: number): Promise<readonly PoolEvent[]> {
    return this.#reader.read('recentEvents', { limit });
  }
}

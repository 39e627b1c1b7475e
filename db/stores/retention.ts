import type { ReaderClient } from '../reader/client.ts';
import type { WriterClient } from '../writer/client.ts';
import { Rounds } from './rounds.ts';

/** Rows that go in one transaction: a request that is written beside it waits some milliseconds. */
const BATCH_ROWS = 200;

/** Removes old requests from the ledger, those alone that roll-ups and objectives have counted. */
export class Retention {
  readonly #reader: ReaderClient;
  readonly #writer: WriterClient;
  readonly #rounds = new Rounds();

  constructor(reader: ReaderClient, writer: WriterClient) {
    this.#reader = reader;
    this.#writer = writer;
  }

  /** Removes some that arrived before; resolves with their number when that is on disk. */
  async step(beforeEpochMs: number, most = BATCH_ROWS): Promise<number> {
    const requestIds = await this.#reader.read('expiredRequests', { before: beforeEpochMs, most });
    if (requestIds.length > 0) await this.#writer.write({ kind: 'removeRequests', requestIds });
    return requestIds.length;
  }

  /** Goes on until `stop()`. `onFailed` hears of steps that failed, which are tried again. */
  run(retentionMs: number, epochMs: () => number, onFailed: (error: Error) => void): void {
    const step = async () => ((await this.step(epochMs() - retentionMs)) >= BATCH_ROWS ? 'more' : 'done');
    this.#rounds.run(step, { pauseMs: 600_000, catchUpPauseMs: 100 }, onFailed);
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }
}

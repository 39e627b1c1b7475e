import type { ReaderClient } from '../reader/client.ts';
import type { WriterClient } from '../writer/client.ts';

/**
 * Rows of one step. A report reads what is not rolled up row by row, and a request that is written beside a step waits for its
 * few hundred cells: some milliseconds.
 */
const STEP_ROWS = 1000;
/** From the end of a step that found few rows to the next one. */
const PAUSE_MS = 5000;
/** While there is more: one step at a time, and the disk has its rest between them. */
const CATCH_UP_PAUSE_MS = 50;

/** Brings the ledger into the roll-ups, step by step: read and added up in the reader thread, written by the writer. */
export class RollUps {
  readonly #reader: ReaderClient;
  readonly #writer: WriterClient;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(reader: ReaderClient, writer: WriterClient) {
    this.#reader = reader;
    this.#writer = writer;
  }

  /** Takes the next rows; resolves with their number when they are on disk. One at a time, please. */
  async step(nowEpochMs: number, mostRows = STEP_ROWS): Promise<number> {
    const next = await this.#reader.read('nextRollUpStep', { mostRows, nowEpochMs });
    if (!next) return 0;
    await this.#writer.write({ kind: 'rollUp', packed: next.packed });
    return next.rows;
  }

  /**
   * Puts some cells of an hour or a day that is over together, or adds six of them or the days of a week up, so that they are read faster; resolves
   * when that is on disk, with false when there was nothing to do. One at a time, and not beside a step.
   */
  async pack(nowEpochMs: number): Promise<boolean> {
    const packed = await this.#reader.read('nextPackStep', { nowEpochMs });
    if (packed) await this.#writer.write({ kind: 'packRollUps', packed });
    return packed !== null;
  }

  /** Goes on until `stop()`. `onFailed` hears of steps that failed, which are tried again. */
  run(epochMs: () => number, onFailed: (error: Error) => void): void {
    if (this.#isStopped) return;
    this.#running = this.#next(epochMs())
      .catch((error: Error) => {
        if (!this.#isStopped) onFailed(error);
        return false;
      })
      .then((isMore) => {
        if (this.#isStopped) return;
        const pauseMs = isMore ? CATCH_UP_PAUSE_MS : PAUSE_MS;
        this.#timer = setTimeout(() => this.run(epochMs, onFailed), pauseMs).unref();
      });
  }

  /** New rows first. Tells whether there is more to do at once. */
  async #next(nowEpochMs: number): Promise<boolean> {
    return (await this.step(nowEpochMs)) === STEP_ROWS || (await this.pack(nowEpochMs));
  }

  /** Resolves when the step that runs has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }
}

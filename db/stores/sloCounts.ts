import { definitionOf, type Slo } from '../../gateway/domain/slo.ts';
import type { CountedSlo, SloCountsReads, SloSpan } from '../../gateway/ports/sloCounts.ts';
import type { ReaderClient } from '../reader/client.ts';
import { bucketOf, GRAIN_MS } from '../rollups/grains.ts';
import { MINUTES_KEPT_MS } from '../slo/counts.ts';
import type { WriterClient } from '../writer/client.ts';
import { Rounds } from './rounds.ts';

const STEP_ROWS = 1000;

/** Counts of objectives: rows are judged in the reader thread, some at a time, and their sums written by the writer. */
export class SqliteSloCounts implements SloCountsReads {
  readonly #reader: ReaderClient;
  readonly #writer: WriterClient;
  readonly #rounds = new Rounds();

  constructor(reader: ReaderClient, writer: WriterClient) {
    this.#reader = reader;
    this.#writer = writer;
  }

  counts(
    slos: readonly Slo[],
    spans: readonly SloSpan[],
    nowEpochMs = Date.now(),
  ): Promise<readonly CountedSlo[]> {
    return this.#reader.read('sloCounts', { slos, spans, nowEpochMs });
  }

  /** Counts the next rows; resolves with their number when they are on disk. One at a time, please. */
  async step(slos: readonly Slo[], nowEpochMs: number, mostRows = STEP_ROWS): Promise<number> {
    const { rows, parts, stale } = await this.#reader.read('nextSloStep', { slos, mostRows });
    if (parts.length === 0 && !stale) return 0;
    const definitions = [...new Set(slos.map(definitionOf))];
    // An hour later than reads are told, so that no read finds hours where it expects minutes.
    const hoursBeforeEpochMs = bucketOf(nowEpochMs - MINUTES_KEPT_MS - GRAIN_MS.hour, 'hour');
    await this.#writer.write({ kind: 'countSlos', step: { parts, definitions, hoursBeforeEpochMs } });
    return rows;
  }

  /** Goes on until `stop()`. `onFailed` hears of steps that failed, which are tried again. */
  run(slos: () => readonly Slo[], epochMs: () => number, onFailed: (error: Error) => void): void {
    const step = async () => ((await this.step(slos(), epochMs())) >= STEP_ROWS ? 'more' : 'done');
    this.#rounds.run(step, { pauseMs: 5000, catchUpPauseMs: 50 }, onFailed);
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }
}

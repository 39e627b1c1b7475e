import type { RecordedArrivals } from '../../gateway/domain/recordedArrivals.ts';
import type { ReportRange } from '../../gateway/domain/reportFigures.ts';
import type { KeepWarmReads } from '../../gateway/ports/keepWarm.ts';
import type { ReaderClient } from '../reader/client.ts';

/** What the keep-warm report replays, read in the thread of the reports. */
export class SqliteKeepWarmReads implements KeepWarmReads {
  readonly #reader: ReaderClient;

  constructor(reader: ReaderClient) {
    this.#reader = reader;
  }

  recordedTrace(asked: ReportRange & { readonly most: number }): Promise<RecordedArrivals> {
    return this.#reader.read('recordedTrace', asked);
  }
}

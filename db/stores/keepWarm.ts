import type { ReportRange } from '../../gateway/domain/reportFigures.ts';
import type { KeepWarmReads, RecordedTrace } from '../../gateway/ports/keepWarm.ts';
import type { ReaderClient } from '../reader/client.ts';

/** What the keep-warm report replays, read in the thread of the reports. */
export class SqliteKeepWarmReads implements KeepWarmReads {
  readonly #reader: ReaderClient;

  constructor(reader: ReaderClient) {
    this.#reader = reader;
  }

  recordedTrace(asked: ReportRange & { readonly most: number }): Promise<RecordedTrace> {
    return this.#reader.read('recordedTrace', asked);
  }
}

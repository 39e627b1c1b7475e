import type { DurationHistory, PastDuration } from '../../gateway/ports/durationHistory.ts';
import type { ReaderClient } from '../reader/client.ts';

/** Durations out of the ledger, in the reader thread. */
export class SqliteDurationHistory implements DurationHistory {
  readonly #reader: ReaderClient;

  constructor(reader: ReaderClient) {
    this.#reader = reader;
  }

  last(perCombo: number): Promise<readonly PastDuration[]> {
    return this.#reader.read('lastDurations', { perCombo });
  }
}

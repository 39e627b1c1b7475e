import type { DemandSlot } from '../../gateway/pool/forecast.ts';
import type { DemandHistory } from '../../gateway/ports/demandHistory.ts';
import type { ReaderClient } from '../reader/client.ts';

/** Demand counted from the ledger, in the reader thread. */
export class SqliteDemandHistory implements DemandHistory {
  readonly #reader: ReaderClient;

  constructor(reader: ReaderClient) {
    this.#reader = reader;
  }

  since(epochMs: number, slotMs: number): Promise<readonly DemandSlot[]> {
    return this.#reader.read('demandSince', { epochMs, slotMs });
  }
}

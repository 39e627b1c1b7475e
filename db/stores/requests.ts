import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import type { ReaderClient } from '../reader/client.ts';

/** Reads of the ledger. */
export class RequestReads {
  readonly #reader: ReaderClient;

  constructor(reader: ReaderClient) {
    this.#reader = reader;
  }

  /** The newest arrivals first, at most 10,000. */
  recent(limit: number): Promise<readonly RequestRecord[]> {
    return this.#reader.read('recentRequests', { limit });
  }

  byId(id: string): Promise<RequestRecord | null> {
    return this.#reader.read('requestById', { id });
  }
}

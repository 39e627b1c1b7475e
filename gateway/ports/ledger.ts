import type { RequestRecord } from '../domain/requestRecord.ts';

/** The durable, append-only record: one row per request. */
export interface Ledger {
  /**
   * Resolves when the row is on disk (group commit, fsync). Appending the same request id again changes nothing.
   * Rejects when the disk refuses; the caller then must not say that the request ended well.
   */
  append(record: RequestRecord): Promise<void>;
}

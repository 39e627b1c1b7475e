import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import type { Ledger } from '../../gateway/ports/ledger.ts';

/** The ledger without a disk. */
export class MemoryLedger implements Ledger {
  readonly rows = new Map<string, RequestRecord>();

  async append(record: RequestRecord): Promise<void> {
    if (Number.isNaN(record.totalMs)) throw new Error('Cannot write appendRequest: totalMs is no number');
    if (!this.rows.has(record.requestId)) this.rows.set(record.requestId, record);
  }
}

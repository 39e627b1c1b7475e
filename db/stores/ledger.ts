import type { Admission } from '../../gateway/domain/admission.ts';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import type { CreditOrder, KeyedAttempt, Ledger, PastAttempt } from '../../gateway/ports/ledger.ts';
import type { LedgerRuns } from '../../gateway/ports/ledgerRuns.ts';
import type { ReaderClient } from '../reader/client.ts';
import type { WriterClient } from '../writer/client.ts';

/** The ledger on the writer thread. */
export class SqliteLedger implements Ledger, LedgerRuns {
  readonly #writer: WriterClient;
  readonly #reader: ReaderClient;

  constructor(writer: WriterClient, reader: ReaderClient) {
    this.#writer = writer;
    this.#reader = reader;
  }

  async open(admission: Admission, attempt: KeyedAttempt | null): Promise<void> {
    const opened = this.#writer.write({ kind: 'openRequest', admission });
    if (attempt === null) return opened;
    const { requestId, arrivedAtEpochMs: atEpochMs } = admission;
    await Promise.all([opened, this.#writer.write({ kind: 'openAttempt', requestId, attempt, atEpochMs })]);
  }

  append(record: RequestRecord): Promise<void> {
    return this.#writer.write({ kind: 'appendRequest', record });
  }

  creditAttempts(order: CreditOrder): Promise<void> {
    return this.#writer.write({ kind: 'creditAttempts', order });
  }

  lastAttempt(keyHash: string, sinceEpochMs: number): Promise<PastAttempt | null> {
    return this.#reader.read('lastAttempt', { keyHash, sinceEpochMs });
  }

  unsettled(): Promise<readonly Admission[]> {
    return this.#reader.read('unsettledAdmissions', {});
  }

  began(gatewayRun: string, atEpochMs: number): Promise<void> {
    return this.#writer.write({ kind: 'gatewayBegan', gatewayRun, atEpochMs });
  }
}

import type { Admission } from '../../gateway/domain/admission.ts';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import type { CreditOrder, KeyedAttempt, Ledger, PastAttempt } from '../../gateway/ports/ledger.ts';
import type { LedgerRuns } from '../../gateway/ports/ledgerRuns.ts';
import type { OpenAdmissions } from '../journal/openAdmissions.ts';
import type { ReaderClient } from '../reader/client.ts';
import type { WriterClient } from '../writer/client.ts';
import type { SpendFeed } from './spendFeed.ts';

/** The ledger on the writer thread, its admissions in the journal before. */
export class SqliteLedger implements Ledger, LedgerRuns {
  readonly #writer: Pick<WriterClient, 'write'>;
  readonly #reader: ReaderClient;
  readonly #opened: OpenAdmissions;
  readonly #spend: SpendFeed;

  constructor(
    writer: Pick<WriterClient, 'write'>,
    reader: ReaderClient,
    opened: OpenAdmissions,
    spend: SpendFeed,
  ) {
    this.#writer = writer;
    this.#reader = reader;
    this.#opened = opened;
    this.#spend = spend;
  }

  open(admission: Admission, attempt: KeyedAttempt | null): void {
    this.#opened.open({ admission, attempt });
  }

  append(record: RequestRecord): Promise<void> {
    this.#opened.settle(record.requestId);
    // No column holds it, and each message is copied for the writer's thread.
    const { trace: _told, ...stored } = record;
    return this.#writer.write({ kind: 'appendRequest', record: stored });
  }

  async creditAttempts(order: CreditOrder): Promise<void> {
    await this.#writer.write({ kind: 'creditAttempts', order });
    const { keyHash, requestId } = order;
    for (const change of await this.#reader.read('creditsOf', { keyHash, requestId }))
      this.#spend.tell(change);
  }

  lastAttempt(keyHash: string, sinceEpochMs: number): Promise<PastAttempt | null> {
    return this.#reader.read('lastAttempt', { keyHash, sinceEpochMs });
  }

  async unsettled(): Promise<readonly Admission[]> {
    await this.#opened.flush();
    return this.#reader.read('unsettledAdmissions', {});
  }

  began(gatewayRun: string, atEpochMs: number): Promise<void> {
    return this.#writer.write({ kind: 'gatewayBegan', gatewayRun, atEpochMs });
  }
}

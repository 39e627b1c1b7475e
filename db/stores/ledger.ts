import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import type { Ledger } from '../../gateway/ports/ledger.ts';
import type { WriterClient } from '../writer/client.ts';

/** The ledger on the writer thread. */
export class SqliteLedger implements Ledger {
  readonly #writer: WriterClient;

  constructor(writer: WriterClient) {
    this.#writer = writer;
  }

  append(record: RequestRecord): Promise<void> {
    return this.#writer.write({ kind: 'appendRequest', record });
  }
}

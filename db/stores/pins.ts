import type { PinRow, PinStore } from '../../gateway/ports/pinStore.ts';
import type { ReaderClient } from '../reader/client.ts';
import type { WriterClient } from '../writer/client.ts';

/** Operators' orders to keep combos. */
export class SqlitePinStore implements PinStore {
  readonly #writer: WriterClient;
  readonly #reader: ReaderClient;

  constructor(writer: WriterClient, reader: ReaderClient) {
    this.#writer = writer;
    this.#reader = reader;
  }

  load(): Promise<PinRow[]> {
    return this.#reader.read('pins', {});
  }

  put(row: PinRow): Promise<void> {
    return this.#writer.write({ kind: 'putPin', row });
  }

  delete(combo: string): Promise<void> {
    return this.#writer.write({ kind: 'deletePin', combo });
  }
}

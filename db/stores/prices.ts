import type { PriceVersion } from '../../gateway/domain/prices.ts';
import type { PriceStore } from '../../gateway/ports/priceStore.ts';
import type { ReaderClient } from '../reader/client.ts';
import type { WriterClient } from '../writer/client.ts';

/** Versions of the price book in SQLite. */
export class SqlitePriceStore implements PriceStore {
  readonly #writer: WriterClient;
  readonly #reader: ReaderClient;

  constructor(writer: WriterClient, reader: ReaderClient) {
    this.#writer = writer;
    this.#reader = reader;
  }

  load(): Promise<PriceVersion[]> {
    return this.#reader.read('priceVersions', {});
  }

  add(version: PriceVersion): Promise<void> {
    return this.#writer.write({ kind: 'addPrices', version });
  }
}

import type { CatalogueAlias } from '../../gateway/domain/catalogue.ts';
import type { CatalogueStore, StoredAdapter, StoredModel } from '../../gateway/ports/catalogueStore.ts';
import type { ReaderClient } from '../reader/client.ts';
import type { WriterClient } from '../writer/client.ts';

/** The catalogue's entries that the admin API made. */
export class SqliteCatalogueStore implements CatalogueStore {
  readonly #writer: WriterClient;
  readonly #reader: ReaderClient;

  constructor(writer: WriterClient, reader: ReaderClient) {
    this.#writer = writer;
    this.#reader = reader;
  }

  load(): ReturnType<CatalogueStore['load']> {
    return this.#reader.read('catalogue', {});
  }

  putModel(model: StoredModel): Promise<void> {
    return this.#writer.write({ kind: 'putModel', model });
  }

  putAdapter(adapter: StoredAdapter): Promise<void> {
    return this.#writer.write({ kind: 'putAdapter', adapter });
  }

  putAlias(alias: CatalogueAlias): Promise<void> {
    return this.#writer.write({ kind: 'putAlias', alias });
  }

  deleteModel(id: string): Promise<void> {
    return this.#writer.write({ kind: 'deleteModel', id });
  }

  deleteAdapter(id: string): Promise<void> {
    return this.#writer.write({ kind: 'deleteAdapter', id });
  }

  deleteAlias(name: string): Promise<void> {
    return this.#writer.write({ kind: 'deleteAlias', name });
  }
}

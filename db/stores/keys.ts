import type { ApiKey } from '../../gateway/domain/apiKey.ts';
import type { KeyStore } from '../../gateway/ports/keyStore.ts';
import type { ReaderClient } from '../reader/client.ts';
import type { WriterClient } from '../writer/client.ts';

/** API keys in SQLite. */
export class SqliteKeyStore implements KeyStore {
  readonly #writer: WriterClient;
  readonly #reader: ReaderClient;

  constructor(writer: WriterClient, reader: ReaderClient) {
    this.#writer = writer;
    this.#reader = reader;
  }

  load(): Promise<ApiKey[]> {
    return this.#reader.read('apiKeys', {});
  }

  put(key: ApiKey): Promise<void> {
    return this.#writer.write({ kind: 'putKey', key });
  }
}

import type { ModelFileFacts } from '../../gateway/ports/modelFile.ts';
import type { SourceFactsStore } from '../../gateway/ports/sourceFacts.ts';
import type { ReaderClient } from '../reader/client.ts';
import type { WriterClient } from '../writer/client.ts';

/** What was last known of weights behind URIs. */
export class SqliteSourceFactsStore implements SourceFactsStore {
  readonly #writer: WriterClient;
  readonly #reader: ReaderClient;

  constructor(writer: WriterClient, reader: ReaderClient) {
    this.#writer = writer;
    this.#reader = reader;
  }

  load(): Promise<ModelFileFacts[]> {
    return this.#reader.read('sourceFacts', {});
  }

  put(facts: ModelFileFacts): Promise<void> {
    return this.#writer.write({ kind: 'putSourceFacts', facts });
  }

  forget(path: string): Promise<void> {
    return this.#writer.write({ kind: 'deleteSourceFacts', path });
  }
}

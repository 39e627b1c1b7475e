import type { ComboRow, ComboStore } from '../../gateway/ports/comboStore.ts';
import type { WriterClient } from '../writer/client.ts';

/** Combos that were asked for, the first sight of each key. */
export class SqliteComboStore implements ComboStore {
  readonly #writer: WriterClient;

  constructor(writer: WriterClient) {
    this.#writer = writer;
  }

  seen(row: ComboRow): void {
    this.#writer.writeInBackground({ kind: 'seeCombo', row });
  }
}

import type { PinRow, PinStore } from '../../gateway/ports/pinStore.ts';

/** The pin store without a disk. */
export class MemoryPinStore implements PinStore {
  readonly rows = new Map<string, PinRow>();

  async load(): Promise<PinRow[]> {
    return [...this.rows.values()].sort((a, b) => a.createdAtEpochMs - b.createdAtEpochMs);
  }

  async put(row: PinRow): Promise<void> {
    this.rows.set(row.combo, row);
  }

  async delete(combo: string): Promise<void> {
    this.rows.delete(combo);
  }
}

import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import type { DemandSlot } from '../../gateway/pool/forecast.ts';
import type { DemandHistory } from '../../gateway/ports/demandHistory.ts';

/** Demand as the ledger's records have it, without a disk. */
export class MemoryDemandHistory implements DemandHistory {
  readonly records: Pick<RequestRecord, 'combo' | 'arrivedAtEpochMs'>[] = [];
  reads = 0;
  /** null: it can be read. */
  failure: Error | null = null;

  async since(epochMs: number, slotMs: number): Promise<readonly DemandSlot[]> {
    this.reads += 1;
    if (this.failure) throw this.failure;
    const rows = new Map<string, DemandSlot>();
    for (const { combo, arrivedAtEpochMs } of this.records) {
      if (combo === null || arrivedAtEpochMs < epochMs) continue;
      const slot = Math.floor(arrivedAtEpochMs / slotMs);
      const requests = (rows.get(`${combo} ${slot}`)?.requests ?? 0) + 1;
      rows.set(`${combo} ${slot}`, { combo, slot, requests });
    }
    return [...rows.values()];
  }
}

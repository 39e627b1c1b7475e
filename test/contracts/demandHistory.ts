import { describe, expect, test } from 'vitest';
import { comboName } from '../../gateway/domain/ids.ts';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import type { DemandHistory } from '../../gateway/ports/demandHistory.ts';
import { requestRecord } from '../fakes/records.ts';

interface Subject {
  readonly demand: DemandHistory;
  readonly append: (record: RequestRecord) => Promise<void>;
}

export function describeDemandHistory(name: string, make: () => Promise<Subject>): void {
  describe(`${name} as a DemandHistory`, () => {
    test('since() counts the requests of each combo in each slot', async () => {
      const { demand, append } = await make();
      const arrivals = [
        ['a', 1000],
        ['a', 1899],
        ['a', 1900],
        ['b', 1800],
        [null, 1800],
      ] as const;
      for (const [at, [combo, arrivedAtEpochMs]] of arrivals.entries())
        await append(requestRecord(`r${at}`, { combo: combo && comboName(combo), arrivedAtEpochMs }));
      const rows = [...(await demand.since(0, 950))].sort(
        (one, other) => one.combo.localeCompare(other.combo) || one.slot - other.slot,
      );
      expect(rows).toEqual([
        { combo: 'a', slot: 1, requests: 2 },
        { combo: 'a', slot: 2, requests: 1 },
        { combo: 'b', slot: 1, requests: 1 },
      ]);
    });

    test('since() leaves out what came before', async () => {
      const { demand, append } = await make();
      await append(requestRecord('before', { combo: comboName('a'), arrivedAtEpochMs: 999 }));
      await append(requestRecord('then', { combo: comboName('a'), arrivedAtEpochMs: 1000 }));
      expect(await demand.since(1000, 100)).toEqual([{ combo: 'a', slot: 10, requests: 1 }]);
      expect(await demand.since(1001, 100)).toEqual([]);
    });
  });
}

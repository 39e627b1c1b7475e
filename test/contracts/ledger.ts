import { describe, expect, test } from 'vitest';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import type { Ledger } from '../../gateway/ports/ledger.ts';
import { requestRecord } from '../fakes/records.ts';

interface Subject {
  readonly ledger: Ledger;
  readonly read: (id: string) => Promise<RequestRecord | null>;
}

export function describeLedger(name: string, make: () => Promise<Subject>): void {
  describe(`${name} as a Ledger`, () => {
    test('append() keeps every field of the record', async () => {
      const { ledger, read } = await make();
      const full = requestRecord('full');
      const bare = requestRecord('bare', {
        combo: null,
        base: null,
        comboRevision: null,
        runnerId: null,
        startKind: null,
        phasesMs: {},
        ttftMs: null,
        tpotMs: null,
        httpStatus: 404,
        errorCode: 'model_not_found',
        finishReason: null,
      });
      await Promise.all([ledger.append(full), ledger.append(bare)]);
      expect(await read('full')).toEqual(full);
      expect(await read('bare')).toEqual(bare);
    });

    test('append() of the same request id again changes nothing', async () => {
      const { ledger, read } = await make();
      const first = requestRecord('same');
      await ledger.append(first);
      await ledger.append(requestRecord('same', { totalMs: 99, promptTokens: 99 }));
      expect(await read('same')).toEqual(first);
    });

    test('append() rejects a bad record and keeps its neighbours', async () => {
      const { ledger, read } = await make();
      const outcomes = await Promise.allSettled([
        ledger.append(requestRecord('before')),
        ledger.append(requestRecord('bad', { totalMs: Number.NaN })),
        ledger.append(requestRecord('after')),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(await read('before')).not.toBeNull();
      expect(await read('bad')).toBeNull();
      expect(await read('after')).not.toBeNull();
    });
  });
}

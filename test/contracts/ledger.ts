import { describe, expect, test } from 'vitest';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import type { StartDetail } from '../../gateway/domain/startDetail.ts';
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

    test('append() keeps what is known of a start, and what is not', async () => {
      const { ledger, read } = await make();
      const work = { threads: 8, readMs: 1500.5, decryptMs: null, verifyMs: 300.25 };
      const staged = { bytes: 4_000_000_000, wallMs: 2000.5, downloadMs: null, work };
      const upload = { bytes: 3_999_999_999, tookMs: 100.125 };
      const details: StartDetail[] = [
        { tier: 'origin', staged, upload },
        {
          tier: 'disk',
          staged: { ...staged, downloadMs: 9.5, work: { ...work, decryptMs: 0.5 } },
          upload: null,
        },
        { tier: null, staged: { ...staged, work: null }, upload: null },
        { tier: 'memory', staged: null, upload },
      ];
      const rows = details.map((startDetail, at) => requestRecord(`start${at}`, { startDetail }));
      await Promise.all(rows.map((row) => ledger.append(row)));
      for (const row of rows) expect(await read(row.requestId)).toEqual(row);
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

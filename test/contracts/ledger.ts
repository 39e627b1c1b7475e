import { describe, expect, test } from 'vitest';
import type { Correction } from '../../gateway/domain/correction.ts';
import { NO_COST } from '../../gateway/domain/cost.ts';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import type { StartDetail } from '../../gateway/domain/startDetail.ts';
import type { Ledger } from '../../gateway/ports/ledger.ts';
import { admission, requestRecord } from '../fakes/records.ts';

const ATTEMPT = { keyHash: 'k', bodyFingerprint: 'b' };
const OPENED = admission('x').arrivedAtEpochMs;

interface Subject {
  readonly ledger: Ledger;
  readonly read: (id: string) => Promise<RequestRecord | null>;
  readonly corrections: (id: string) => Promise<readonly Correction[]>;
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

    test('lastAttempt() finds the newest settled attempt under a key, and whether it was answered', async () => {
      const { ledger } = await make();
      ledger.open(admission('first'), ATTEMPT);
      expect(await ledger.lastAttempt('k', 0)).toBeNull();
      await ledger.append(requestRecord('first', { errorCode: 'client_closed' }));
      expect(await ledger.lastAttempt('k', 0)).toEqual({ ...ATTEMPT, requestId: 'first', isAnswered: false });
      ledger.open(admission('second'), { ...ATTEMPT, bodyFingerprint: 'other' });
      await ledger.append(requestRecord('second'));
      const second = { keyHash: 'k', bodyFingerprint: 'other', requestId: 'second', isAnswered: true };
      expect(await ledger.lastAttempt('k', OPENED)).toEqual(second);
      expect(await ledger.lastAttempt('k', OPENED + 1)).toBeNull();
      expect(await ledger.lastAttempt('other', 0)).toBeNull();
    });

    test('creditAttempts() corrects what failed attempts under a key have used to nothing, once', async () => {
      const { ledger, corrections } = await make();
      const failed = {
        errorCode: 'client_closed',
        httpStatus: 499,
        promptTokens: 7,
        cachedTokens: 2,
        completionTokens: 5,
      };
      const attempts = [
        ['aborted', ATTEMPT, failed],
        [
          'refused',
          ATTEMPT,
          { ...failed, promptTokens: 0, cachedTokens: 0, completionTokens: 0, cost: NO_COST },
        ],
        ['otherBody', { ...ATTEMPT, bodyFingerprint: 'other' }, failed],
        ['otherKey', { ...ATTEMPT, keyHash: 'other' }, failed],
        ['answered', ATTEMPT, {}],
      ] as const;
      for (const [id, attempt, changes] of attempts) {
        ledger.open(admission(id), attempt);
        await ledger.append(requestRecord(id, changes));
      }
      const order = { ...ATTEMPT, requestId: 'answered', sinceEpochMs: OPENED, madeAtEpochMs: 5 };
      await ledger.creditAttempts({ ...order, sinceEpochMs: OPENED + 1 });
      expect(await corrections('aborted')).toEqual([]);
      await ledger.creditAttempts(order);
      await ledger.creditAttempts({ ...order, madeAtEpochMs: 6 });
      expect(await corrections('aborted')).toEqual([
        {
          id: 'cor_aborted',
          requestId: 'aborted',
          madeAtEpochMs: 5,
          reason: 'answered under the same idempotency key by answered',
          author: 'system',
          promptTokens: -7,
          cachedTokens: -2,
          completionTokens: -5,
          costMicroUsd: -19,
        },
      ]);
      for (const [id] of attempts.slice(1)) expect(await corrections(id)).toEqual([]);
    });
  });
}

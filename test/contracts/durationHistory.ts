import { describe, expect, test } from 'vitest';
import { comboName } from '../../gateway/domain/ids.ts';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import type { DurationHistory } from '../../gateway/ports/durationHistory.ts';
import { requestRecord } from '../fakes/records.ts';

interface Subject {
  readonly durations: DurationHistory;
  readonly append: (record: RequestRecord) => Promise<void>;
}

/** Appends records that arrive one after the other. */
async function appendAll({ append }: Subject, changes: readonly Partial<RequestRecord>[]): Promise<void> {
  for (const [at, change] of changes.entries())
    await append(requestRecord(`r${at}`, { arrivedAtEpochMs: 1000 + at, joined: false, ...change }));
}

export function describeDurationHistory(name: string, make: () => Promise<Subject>): void {
  describe(`${name} as a DurationHistory`, () => {
    test('last() gives what the phases of a start took, and what came after the grant', async () => {
      const subject = await make();
      const cold = {
        queue: 5,
        spawn: 40,
        stage: 1,
        load: 20,
        attach: 2,
        context: 3,
        prefill: 10,
        decode: 30,
      };
      await appendAll(subject, [{ startKind: 'cold', phasesMs: cold }]);
      const combo = { combo: 'tiny-chat+pirate', comboRevision: 'aaaaaaaaaaaa.bbbbbbbbbbbb' };
      const last = await subject.durations.last(16);
      expect(last).toHaveLength(2);
      expect(last).toContainEqual({ ...combo, kind: 'cold', tookMs: 66 });
      expect(last).toContainEqual({ ...combo, kind: null, tookMs: 40 });
    });

    test('last() gives the last ones of each combo, revision and kind, the oldest first', async () => {
      const subject = await make();
      const attach = (ms: number) => ({ phasesMs: { attach: ms, decode: 1 } });
      await appendAll(subject, [
        attach(1),
        attach(2),
        { ...attach(3), comboRevision: 'other' },
        { ...attach(4), combo: comboName('a') },
        { ...attach(5), startKind: 'wake' },
        attach(6),
      ]);
      const starts = (await subject.durations.last(2)).filter(({ kind }) => kind !== null);
      const told = starts.map(({ combo, comboRevision, kind, tookMs }) => [
        combo,
        comboRevision,
        kind,
        tookMs,
      ]);
      const mine = ['tiny-chat+pirate', 'aaaaaaaaaaaa.bbbbbbbbbbbb'];
      expect(told).toEqual([
        [...mine, 'attach', 2],
        ['tiny-chat+pirate', 'other', 'attach', 3],
        ['a', mine[1], 'attach', 4],
        [...mine, 'wake', 5],
        [...mine, 'attach', 6],
      ]);
    });

    test('last() takes no start of one that found it warm or joined it, and nothing of what failed', async () => {
      const subject = await make();
      await appendAll(subject, [
        { startKind: 'warm', phasesMs: { decode: 7 } },
        { joined: true, phasesMs: { attach: 9, decode: 8 } },
        { httpStatus: 499, errorCode: 'client_closed' },
        { httpStatus: 200, errorCode: 'runner_died' },
        { combo: null, comboRevision: null },
      ]);
      const last = await subject.durations.last(16);
      expect(last.map(({ kind, tookMs }) => [kind, tookMs])).toEqual([
        [null, 7],
        [null, 8],
      ]);
    });

    test('last() gives nothing of an empty ledger', async () => {
      const { durations } = await make();
      expect(await durations.last(16)).toEqual([]);
    });
  });
}

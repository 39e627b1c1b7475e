import { Worker } from 'node:worker_threads';
import { expect, test, vi } from 'vitest';
import type { Correction } from '../../gateway/domain/correction.ts';
import { requestId } from '../../gateway/domain/ids.ts';
import { admission, requestRecord } from '../fakes/records.ts';
import { useTemporaryDatabases } from './temporary.ts';

const databases = useTemporaryDatabases();

function correction(id: string, changes: Partial<Correction> = {}): Correction {
  return {
    id: `cor_${id}`,
    requestId: requestId(id),
    madeAtEpochMs: 1,
    reason: 'agreed by telephone',
    author: 'admin',
    promptTokens: 0,
    cachedTokens: 0,
    completionTokens: 0,
    costMicroUsd: 0,
    ...changes,
  };
}

test('append() leaves out of the message to the writer what no column holds', async () => {
  const { ledger } = await databases.open();
  const sent = vi.spyOn(Worker.prototype, 'postMessage');
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const spanId = '00f067aa0ba902b7';
  const context = { traceId, spanId, isSampled: true, traceparent: `00-${traceId}-${spanId}-01` };
  const trace = { ...context, tracestate: null, spans: [], downloads: [], runner: null };
  const traced = requestRecord('traced', { trace });
  await ledger.append(traced);
  const messages = JSON.stringify(sent.mock.calls);
  sent.mockRestore();
  expect(messages).toContain('"requestId":"traced"');
  expect(messages).not.toContain(traceId);
  expect(traced.trace).toEqual(trace);
});

test('unsettled() gives admissions without a row, and after began() only later ones', async () => {
  const { ledger } = await databases.open();
  for (const id of ['a', 'b', 'c']) ledger.open(admission(id), null);
  await ledger.append(requestRecord('b'));
  expect(await ledger.unsettled()).toEqual([admission('a'), admission('c')]);
  for (const id of ['a', 'c']) await ledger.append(requestRecord(id, { errorCode: 'interrupted' }));
  await ledger.began('run2', 9);
  await ledger.began('run2', 10);
  expect(await ledger.unsettled()).toEqual([]);
  ledger.open(admission('d', { gatewayRun: 'run2', keyId: 'key_1' }), null);
  expect(await ledger.unsettled()).toEqual([admission('d', { gatewayRun: 'run2', keyId: 'key_1' })]);
});

test('began() on an empty ledger leaves the first admissions to be found', async () => {
  const { ledger } = await databases.open();
  await ledger.began('run1', 1);
  ledger.open(admission('a'), null);
  expect(await ledger.unsettled()).toHaveLength(1);
});

test('list() filters, and goes on after a position, the newest first', async () => {
  const { ledger, requests } = await databases.open();
  const rows = [
    requestRecord('r1', { arrivedAtEpochMs: 1 }),
    requestRecord('r2', { arrivedAtEpochMs: 2, httpStatus: 429, errorCode: 'queue_full' }),
    requestRecord('r3', { arrivedAtEpochMs: 2, keyId: 'key_1' }),
    requestRecord('r4', { arrivedAtEpochMs: 3, combo: null }),
  ];
  await Promise.all(rows.map((row) => ledger.append(row)));
  const ids = async (...asked: Parameters<typeof requests.list>) =>
    (await requests.list(...asked)).map(({ requestId: id }) => id);
  expect(await ids({}, null, 10)).toEqual(['r4', 'r3', 'r2', 'r1']);
  expect(await ids({}, null, 2)).toEqual(['r4', 'r3']);
  expect(await ids({}, { arrivedAtEpochMs: 2, requestId: 'r3' }, 10)).toEqual(['r2', 'r1']);
  expect(await ids({ fromEpochMs: 2, toEpochMs: 3 }, null, 10)).toEqual(['r3', 'r2']);
  expect(await ids({ combo: 'tiny-chat+pirate' }, null, 10)).toEqual(['r3', 'r2', 'r1']);
  expect(await ids({ keyId: 'key_1' }, null, 10)).toEqual(['r3']);
  expect(await ids({ httpStatus: 429 }, null, 10)).toEqual(['r2']);
  expect(await ids({ errorCode: 'queue_full' }, null, 10)).toEqual(['r2']);
  expect(await ids({ requestId: 'r1' }, null, 10)).toEqual(['r1']);
});

test('account() gives a request with its admission and its corrections', async () => {
  const { ledger, requests } = await databases.open();
  ledger.open(admission('a'), null);
  await ledger.append(requestRecord('a'));
  await ledger.append(requestRecord('refused'));
  const made = correction('a', { promptTokens: -12, cachedTokens: -3, costMicroUsd: -19 });
  expect(await requests.correct(made)).toEqual({ ok: true, value: made });
  expect(await requests.account('a')).toEqual({
    record: requestRecord('a'),
    admission: admission('a'),
    corrections: [made],
  });
  expect(await requests.account('refused')).toMatchObject({ admission: null, corrections: [] });
  expect(await requests.account('unknown')).toBeNull();
});

test('correct() refuses what is unknown, and sums below zero, also of two at once', async () => {
  const { ledger, requests } = await databases.open();
  await ledger.append(requestRecord('a', { completionTokens: 20 }));
  expect(await requests.correct(correction('b'))).toMatchObject({ ok: false, error: { code: 'not_found' } });
  const tooMuch = correction('a', { completionTokens: -21 });
  expect(await requests.correct(tooMuch)).toMatchObject({ ok: false, error: { code: 'conflict' } });
  const both = await Promise.allSettled(
    ['1', '2'].map((n) => requests.correct(correction('a', { id: `cor_${n}`, completionTokens: -15 }))),
  );
  // The second one is refused by its look at the first, or by the statement.
  const made = both.filter((one) => one.status === 'fulfilled' && one.value.ok);
  expect(made).toHaveLength(1);
  expect((await requests.account('a'))?.corrections).toHaveLength(1);
});

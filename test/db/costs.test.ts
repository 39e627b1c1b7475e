import { describe, expect, test } from 'vitest';
import { costOf, factsOf } from '../../gateway/domain/cost.ts';
import { keyId, requestId } from '../../gateway/domain/ids.ts';
import { FREE, type PriceBook } from '../../gateway/domain/prices.ts';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import { pastSpend } from '../../gateway/shell/keys/pastSpend.ts';
import { InProcessSpendBook } from '../../gateway/shell/keys/spendBook.ts';
import { admission, requestRecord } from '../fakes/records.ts';
import { useTemporaryDatabases } from './temporary.ts';

const databases = useTemporaryDatabases();
const DAY = 86_400_000;
const START = 19_700 * DAY;
const MONTH = Date.UTC(2024, 0, 1);

const BOOK: PriceBook = {
  ...FREE,
  startPolicy: 'shared',
  default: { inputPerMillion: 1.5, outputPerMillion: 3, runnerSecond: 0.0001, start: { attach: 0.00001 } },
};

function priced(id: string, changes: Partial<RequestRecord> = {}): RequestRecord {
  const record = requestRecord(id, { startShare: null, ...changes, priceVersion: 1 });
  return { ...record, cost: costOf(factsOf(record), BOOK) };
}

async function correctBy(requests: any, id: string, costMicroUsd: number) {
  return requests.correct({
    id: `cor_${id}_${costMicroUsd}`,
    requestId: requestId(id),
    madeAtEpochMs: START,
    reason: 'test',
    author: 'admin',
    promptTokens: 0,
    cachedTokens: 0,
    completionTokens: 0,
    costMicroUsd,
  });
}

describe('recheck()', () => {
  test('finds nothing where every amount is what the facts and prices give, over pages of rows', async () => {
    const { ledger, requests } = await databases.open();
    const rows = Array.from({ length: 5_100 }, (_, at) =>
      priced(`q${at}`, { arrivedAtEpochMs: START + Math.floor(at / 3), promptTokens: at }),
    );
    await Promise.all(rows.map((row) => ledger.append(row)));
    const found = await requests.recheck({ fromEpochMs: START, toEpochMs: START + DAY, books: { 1: BOOK } });
    const sum = rows.reduce((total, { cost }) => total + cost.totalMicroUsd, 0);
    expect(found).toEqual({
      requests: 5_100,
      recordedMicroUsd: sum,
      recomputedMicroUsd: sum,
      differing: 0,
      examples: [],
      starts: 0,
      startsDiffering: 0,
    });
  });

  test('names rows with another amount, or with another part of the same sum', async () => {
    const { ledger, requests } = await databases.open();
    const good = priced('good', { arrivedAtEpochMs: START });
    const { cost } = good;
    const more = { ...cost, inputMicroUsd: cost.inputMicroUsd + 1, totalMicroUsd: cost.totalMicroUsd + 1 };
    const other = {
      ...cost,
      inputMicroUsd: cost.inputMicroUsd + 1,
      outputMicroUsd: cost.outputMicroUsd - 1,
    };
    await ledger.append(good);
    await ledger.append({ ...good, requestId: requestId('more'), cost: more });
    await ledger.append({ ...good, requestId: requestId('other'), cost: other });
    await ledger.append({ ...good, requestId: requestId('lost'), priceVersion: 9 });
    await ledger.append({ ...good, requestId: requestId('later'), cost: more, arrivedAtEpochMs: START + 1 });
    const found = await requests.recheck({ fromEpochMs: START, toEpochMs: START + 1, books: { 1: BOOK } });
    expect(found.examples.map((one) => one.requestId)).toEqual(['lost', 'more', 'other']);
    expect(found.differing).toBe(3);
  });

  test('finds starts that are charged for twice', async () => {
    const { ledger, requests } = await databases.open();
    const share = (startId: string, index: number, of = 2) => ({
      arrivedAtEpochMs: START,
      startShare: { startId, of, index },
    });
    await ledger.append(priced('a1', share('a', 0)));
    await ledger.append(priced('a2', share('a', 1)));
    await ledger.append(priced('b1', share('b', 0)));
    await ledger.append(priced('b2', share('b', 0)));
    const found = await requests.recheck({ fromEpochMs: START, toEpochMs: START + 1, books: { 1: BOOK } });
    expect(found).toMatchObject({ starts: 2, startsDiffering: 1, differing: 0 });
  });
});

test('spentSince() adds up what keys have spent by day, with corrections', async () => {
  const { ledger, requests } = await databases.open();
  const row = (id: string, keyId: string | null, arrivedAtEpochMs: number) =>
    ledger.append(priced(id, { keyId, arrivedAtEpochMs }));
  await row('old', 'k1', START - 1);
  await row('a', 'k1', START);
  await row('b', 'k1', START + DAY);
  await row('c', 'k2', START + 1);
  await row('d', null, START + 1);
  const one = priced('x').cost.totalMicroUsd;
  await correctBy(requests, 'b', -one);
  const spent = await requests.spentSince(START);
  const sums = new Map<string, number>();
  for (const { keyId, dayEpochMs, microUsd } of spent) {
    const day = `${keyId} ${(dayEpochMs - START) / DAY}`;
    sums.set(day, (sums.get(day) ?? 0) + microUsd);
  }
  expect(Object.fromEntries(sums)).toEqual({ 'k1 0': one, 'k1 1': 0, 'k2 0': one });
});

test('pastSpend() is from the roll-ups what the rows say, of this month and of today', async () => {
  const { ledger, requests, reports, rollUps } = await databases.open();
  const now = MONTH + 14 * DAY + 5 * 3_600_000;
  const rows: [string, string | null, number][] = [
    ['last month', 'k1', MONTH - 1],
    ['first', 'k1', MONTH],
    ['yesterday', 'k1', MONTH + 14 * DAY - 1],
    ['midnight', 'k1', MONTH + 14 * DAY],
    ['just now', 'k2', now - 1],
    ['anonymous', null, now - 2],
  ];
  for (const [id, keyId, arrivedAtEpochMs] of rows.slice(0, 4))
    await ledger.append(priced(id, { keyId, arrivedAtEpochMs }));
  await rollUps.step(now);
  for (const [id, keyId, arrivedAtEpochMs] of rows.slice(4))
    await ledger.append(priced(id, { keyId, arrivedAtEpochMs }));
  await correctBy(requests, 'first', -2);
  await correctBy(requests, 'midnight', -3);
  const one = priced('x').cost.totalMicroUsd;
  const book = new InProcessSpendBook();
  const nothing = { spentSince: () => Promise.reject(new Error('rows are not read')) };
  for (const { keyId: id, microUsd, dayEpochMs } of await pastSpend(reports, nothing, now))
    book.restore(keyId(id), microUsd, dayEpochMs);
  const spent = (key: string) =>
    (['day', 'month'] as const).map((period) => book.spent(keyId(key), period, now).settledMicroUsd);
  expect(spent('k1')).toEqual([one - 3, 3 * one - 5]);
  expect(spent('k2')).toEqual([one, one]);
  const tooMany = { ...reports, groups: async () => null, corrections: async () => [] };
  expect(await pastSpend(tooMany, requests, now)).toEqual(await requests.spentSince(MONTH));
});

test('spend tells what corrections and credits have changed of keys, once they are on disk', async () => {
  const { ledger, requests, spend } = await databases.open();
  const told: unknown[] = [];
  spend.listen((change) => told.push(change));
  const attempt = { keyHash: 'k', bodyFingerprint: 'f' };
  const lost = { keyId: 'k1', arrivedAtEpochMs: START + DAY + 5, errorCode: 'client_closed' };
  for (const [id, changes] of [
    ['lost', lost],
    ['anonymous', { ...lost, keyId: null }],
    ['answered', { keyId: 'k1', arrivedAtEpochMs: START + DAY + 6 }],
  ] as const) {
    ledger.open(admission(id, { arrivedAtEpochMs: START + DAY }), attempt);
    await ledger.append(priced(id, changes));
  }
  const cost = priced('x', lost).cost.totalMicroUsd;
  expect(cost).toBeGreaterThan(1);
  const order = { ...attempt, requestId: 'answered', sinceEpochMs: 0, madeAtEpochMs: 9 };
  await ledger.creditAttempts(order);
  expect(told).toEqual([{ keyId: 'k1', dayEpochMs: START + DAY, microUsd: -cost }]);
  await correctBy(requests, 'answered', -1);
  expect(told[1]).toMatchObject({ keyId: 'k1', microUsd: -1 });
  expect(told).toHaveLength(2);
});

test('a correction cannot make a request cost less than nothing', async () => {
  const { ledger, requests } = await databases.open();
  await ledger.append(priced('a'));
  const cost = priced('a').cost.totalMicroUsd;
  expect(await correctBy(requests, 'a', -cost)).toMatchObject({ ok: true });
  expect((await correctBy(requests, 'a', -1)).ok).toBe(false);
});

import Sqlite from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Database } from '../../db/openDatabase.ts';
import { bucketOf, GRAIN_MS } from '../../db/rollups/grains.ts';
import { MINUTES_KEPT_MS, wholeBuckets } from '../../db/slo/counts.ts';
import { comboName } from '../../gateway/domain/ids.ts';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import { addCounts, NO_COUNTS, type Slo, verdictOf } from '../../gateway/domain/slo.ts';
import type { SloSpan } from '../../gateway/ports/sloCounts.ts';
import { admission, requestRecord } from '../fakes/records.ts';
import { useTemporaryDatabases } from './temporary.ts';

const databases = useTemporaryDatabases();
const { minute: MINUTE, hour: HOUR, day: DAY } = GRAIN_MS;
const NOW = Date.UTC(2026, 10, 20, 12, 30, 17);

const slo = (changes: Partial<Slo> = {}): Slo => ({
  id: 'fast',
  model: null,
  combo: null,
  objective: 'ttft_warm',
  thresholdMs: 100,
  target: 0.99,
  windowMs: 30 * DAY,
  countsCold: false,
  ...changes,
});
const SLOS = [
  slo(),
  slo({ id: 'available', objective: 'availability', thresholdMs: null, model: 'tiny-chat' }),
  slo({ id: 'pirates', combo: 'tiny-chat+pirate', objective: 'ttft_cold', thresholdMs: 150 }),
];

/** Requests of the last 40 days, most of them young, from a seed. */
function traffic(count: number, seed: number): RequestRecord[] {
  let state = seed;
  const random = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  return Array.from({ length: count }, (_, index) =>
    requestRecord(`req_${seed}_${index}`, {
      arrivedAtEpochMs: NOW - Math.floor(random() ** 4 * 40 * DAY),
      combo: comboName(one(['tiny-chat', 'tiny-chat+pirate'])),
      startKind: one(['warm', 'attach', 'cold']),
      ttftMs: random() * 200,
      errorCode: random() < 0.2 ? one(['queue_full', 'client_closed', 'runner_died']) : null,
    }),
  );
}

const appendAll = (database: Database, records: readonly RequestRecord[]) =>
  Promise.all(records.map((record) => database.ledger.append(record)));

async function countAll(database: Database, slos = SLOS, nowEpochMs = NOW): Promise<void> {
  while ((await database.slos.step(slos, nowEpochMs, 97)) > 0);
}

/** Row by row. */
function naive(records: readonly RequestRecord[], objective: Slo, span: SloSpan) {
  const { fromEpochMs, toEpochMs } = wholeBuckets(span, NOW);
  return records
    .filter(({ arrivedAtEpochMs: at }) => at >= fromEpochMs && at < toEpochMs)
    .reduce((sum, record) => {
      const verdict = verdictOf(objective, record);
      return verdict ? addCounts(sum, { ...NO_COUNTS, [verdict]: 1 }) : sum;
    }, NO_COUNTS);
}

const SPANS: SloSpan[] = [5 * MINUTE, HOUR, 6 * HOUR, 3 * DAY, 30 * DAY].map((ms) => ({
  fromEpochMs: NOW - ms,
  toEpochMs: NOW + 1,
}));

describe('counts of objectives', () => {
  test('are those of a count row by row: before, between and after steps, and when minutes have become hours', async () => {
    const database = await databases.open();
    const records = traffic(600, 3);
    const expectExact = async (known: readonly RequestRecord[]) => {
      const counted = await database.slos.counts(SLOS, SPANS, NOW);
      for (const [index, objective] of SLOS.entries()) {
        expect(counted[index]?.spans).toEqual(SPANS.map((span) => naive(known, objective, span)));
        expect(counted[index]?.isComplete).toBe(true);
      }
    };
    await appendAll(database, records.slice(0, 300));
    await expectExact(records.slice(0, 300));
    await database.slos.step(SLOS, NOW, 97);
    await expectExact(records.slice(0, 300));
    await countAll(database);
    await expectExact(records.slice(0, 300));
    await appendAll(database, records.slice(300));
    await expectExact(records);
    await countAll(database);
    await expectExact(records);
    expect(naive(records, SLOS[0] as Slo, SPANS[4] as SloSpan).bad).toBeGreaterThan(20);
  });

  test('of another definition begin anew from the ledger, and those of the old one go', async () => {
    const path = databases.newPath();
    const database = await databases.open({ path });
    const records = traffic(200, 5);
    await appendAll(database, records);
    await countAll(database);
    const stricter = [slo({ thresholdMs: 50 })];
    await countAll(database, stricter);
    const [counted] = await database.slos.counts(stricter, SPANS, NOW);
    expect(counted?.spans).toEqual(SPANS.map((span) => naive(records, stricter[0] as Slo, span)));
    const sqlite = new Sqlite(path, { readonly: true });
    expect(sqlite.prepare('select count(distinct definition) from slo_counts').pluck().get()).toBe(1);
    sqlite.close();
    await countAll(database, []);
  });

  test('of old minutes become hours, and stay as exact', async () => {
    const path = databases.newPath();
    const database = await databases.open({ path });
    const at = (ms: number, index: number) =>
      requestRecord(`old_${index}`, { arrivedAtEpochMs: ms, startKind: 'warm', ttftMs: 1 });
    const old = NOW - MINUTES_KEPT_MS - 3 * HOUR;
    await appendAll(
      database,
      [0, 1, 2, 3, 4, 5].map((index) => at(old + index * 7 * MINUTE, index)),
    );
    await countAll(database, [slo()]);
    const sqlite = new Sqlite(path, { readonly: true });
    const rows = sqlite.prepare('select bucket_epoch_ms as at, good from slo_counts').all() as {
      at: number;
      good: number;
    }[];
    sqlite.close();
    expect(rows.every((row) => row.at % HOUR === 0)).toBe(true);
    expect(rows.reduce((sum, { good }) => sum + good, 0)).toBe(6);
    const [counted] = await database.slos.counts([slo()], SPANS, NOW);
    expect(counted?.spans.map(({ good }) => good)).toEqual([0, 0, 0, 0, 6]);
  });
});

describe('wholeBuckets()', () => {
  test('moves both ends outwards, by less than a minute, or an hour where minutes are gone', () => {
    const time = fc.integer({ min: NOW - 60 * DAY, max: NOW });
    fc.assert(
      fc.property(time, time, (a, b) => {
        const span = { fromEpochMs: Math.min(a, b), toEpochMs: Math.max(a, b) };
        const whole = wholeBuckets(span, NOW);
        const grainAt = (ms: number) => (ms < NOW - MINUTES_KEPT_MS ? HOUR : MINUTE);
        expect(whole.fromEpochMs).toBeLessThanOrEqual(span.fromEpochMs);
        expect(span.fromEpochMs - whole.fromEpochMs).toBeLessThan(grainAt(span.fromEpochMs));
        expect(whole.toEpochMs).toBeGreaterThanOrEqual(span.toEpochMs);
        expect(whole.toEpochMs - span.toEpochMs).toBeLessThan(grainAt(span.toEpochMs));
        expect(bucketOf(whole.fromEpochMs, 'minute')).toBe(whole.fromEpochMs);
      }),
    );
  });
});

describe('retention', () => {
  const BEFORE = NOW - 10 * DAY;
  const LEDGER = ['requests', 'admissions', 'idempotency_keys', 'corrections'] as const;

  async function withOldRows(path: string): Promise<Database> {
    const database = await databases.open({ path });
    const attempt = { keyHash: 'hash', bodyFingerprint: 'print' };
    for (const [index, days] of [40, 30, 20, 5, 1].entries()) {
      const id = `req_${index}`;
      const arrivedAtEpochMs = NOW - days * DAY;
      database.ledger.open(admission(id, { arrivedAtEpochMs }), attempt);
      await database.ledger.append(requestRecord(id, { arrivedAtEpochMs }));
    }
    rowsOf(path, (sqlite) =>
      sqlite.exec(
        `insert into corrections select 'c_' || request_id, request_id, 0, 'test', 'admin', 0, 0, 0, 0 from requests`,
      ),
    );
    return database;
  }

  function rowsOf<T>(path: string, read: (sqlite: Sqlite.Database) => T): T {
    const sqlite = new Sqlite(path, { timeout: 5000 });
    try {
      return read(sqlite);
    } finally {
      sqlite.close();
    }
  }
  const idsOf = (path: string, table: string) =>
    rowsOf(path, (sqlite) =>
      sqlite.prepare(`select request_id from ${table} order by request_id`).pluck().all(),
    );

  test('removes nothing that is not rolled up', async () => {
    const path = databases.newPath();
    const database = await withOldRows(path);
    expect(await database.retention.step(BEFORE)).toBe(0);
    expect(idsOf(path, 'requests')).toHaveLength(5);
  });

  test('waits for an objective that is behind', async () => {
    const path = databases.newPath();
    const database = await withOldRows(path);
    while ((await database.rollUps.step(NOW)) > 0);
    await database.slos.step([slo()], NOW, 2);
    expect(await database.retention.step(BEFORE)).toBe(1);
    expect(idsOf(path, 'requests')).toEqual(['req_1', 'req_2', 'req_3', 'req_4']);
  });

  test('removes old rows with all that goes by their ids, in batches, and leaves reports and objectives as they were', async () => {
    const path = databases.newPath();
    const database = await withOldRows(path);
    while ((await database.rollUps.step(NOW)) > 0);
    await countAll(database);
    const span = [{ fromEpochMs: NOW - 50 * DAY, toEpochMs: NOW + 1 }];
    const before = await database.slos.counts(SLOS, span, NOW);
    const query = {
      cube: 'usage',
      combo: null,
      groupBy: ['day'],
      fromEpochMs: bucketOf(NOW - 50 * DAY, 'day'),
      toEpochMs: null,
    } as const;
    const reported = await database.reports.groups(query);
    expect(await database.retention.step(BEFORE, 2)).toBe(2);
    expect(await database.retention.step(BEFORE, 2)).toBe(1);
    expect(await database.retention.step(BEFORE, 2)).toBe(0);
    for (const table of LEDGER) expect([table, idsOf(path, table)]).toEqual([table, ['req_3', 'req_4']]);
    expect(await database.slos.counts(SLOS, span, NOW)).toEqual(before);
    expect(await database.reports.groups(query)).toEqual(reported);
    expect(await database.ledger.unsettled()).toEqual([]);
  });

  test('keeps the row that the marks name, however old it is', async () => {
    const path = databases.newPath();
    const database = await withOldRows(path);
    while ((await database.rollUps.step(NOW)) > 0);
    await countAll(database);
    while ((await database.retention.step(NOW + DAY)) > 0);
    expect(idsOf(path, 'requests')).toEqual(['req_4']);
    await database.ledger.append(requestRecord('new', { arrivedAtEpochMs: NOW }));
    expect(await database.rollUps.step(NOW)).toBe(1);
    expect(await database.slos.step(SLOS, NOW)).toBe(1);
  });
});

import Sqlite from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Database } from '../../db/openDatabase.ts';
import { bucketOf, GRAIN_MS, piecesOf, startOf } from '../../db/rollups/grains.ts';
import { comboName, requestId } from '../../gateway/domain/ids.ts';
import type { GroupQuery, ReportGroup } from '../../gateway/domain/reportFigures.ts';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import { apiKey } from '../contracts/keyStore.ts';
import { requestRecord } from '../fakes/records.ts';
import { exactQuantile } from './exactQuantile.ts';
import { useTemporaryDatabases } from './temporary.ts';

const databases = useTemporaryDatabases();

const NOON = Date.UTC(2026, 10, 20, 12);
const { minute: MINUTE, hour: HOUR, day: DAY } = GRAIN_MS;
const KINDS = ['warm', 'attach', 'cold'] as const;

/** Numbers that look random and are the same each time (Park and Miller's generator). */
function randoms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** Requests of two days before noon, of three combos, kinds and keys; one in ten has failed. */
function traffic(count: number, seed = 7): RequestRecord[] {
  const random = randoms(seed);
  const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  return Array.from({ length: count }, (_, index) => {
    const kind = one(KINDS);
    const prefill = Math.exp(random() * 6) / 4;
    const decode = random() * 400;
    const load = kind === 'cold' ? 100 + random() * 5000 : undefined;
    const waited = load ?? 0;
    return requestRecord(`req_${seed}_${index}`, {
      arrivedAtEpochMs: NOON - Math.floor(random() ** 2 * 2 * DAY),
      combo: comboName(one(['tiny-chat', 'tiny-chat+pirate', 'other'])),
      keyId: one([null, 'key_a', 'key_b']),
      startKind: kind,
      joined: random() < 0.2,
      phasesMs: { ...(load === undefined ? {} : { load }), prefill, decode },
      ttftMs: waited + prefill,
      tpotMs: decode / 20,
      totalMs: waited + prefill + decode,
      promptTokens: Math.floor(random() * 1000),
      cachedTokens: 3,
      completionTokens: 20,
      errorCode: random() < 0.1 ? one(['queue_full', 'client_closed', 'runner_died', 'x_engine']) : null,
    });
  });
}

async function appendAll(database: Database, records: readonly RequestRecord[]): Promise<void> {
  await Promise.all(records.map((record) => database.ledger.append(record)));
}

async function packAll(database: Database, nowEpochMs: number): Promise<number> {
  let steps = 0;
  while (await database.rollUps.pack(nowEpochMs)) steps += 1;
  return steps;
}

async function rollUpAll(database: Database, mostRows = 1000, nowEpochMs = NOON): Promise<number> {
  let steps = 0;
  while ((await database.rollUps.step(nowEpochMs, mostRows)) > 0) steps += 1;
  return steps;
}

const everything: GroupQuery = {
  cube: 'latency',
  combo: null,
  fromEpochMs: 0,
  toEpochMs: null,
  groupBy: ['combo', 'start_kind'],
};

const keyOf = ({ by }: Pick<ReportGroup, 'by'>) => JSON.stringify(by);

/** All but the sums of floats, whose last digit is that of the order. */
function comparable(groups: readonly ReportGroup[] | null): unknown {
  return groups
    ?.toSorted((a, b) => keyOf(a).localeCompare(keyOf(b)))
    .map(({ by, counters, measures }) => ({
      by,
      counters,
      measures: Object.entries(measures).map(([name, { sum, ...stats }]) => [name, sum.toFixed(3), stats]),
    }));
}

function requestsOf(counters: ReportGroup['counters']): number {
  const { answered = 0, failedByClient = 0, failedByGateway = 0, failedByRunner = 0, aborted = 0 } = counters;
  return answered + failedByClient + failedByGateway + failedByRunner + aborted;
}

describe('piecesOf()', () => {
  test('counts every moment of a range once and no other, by whole buckets that are kept', () => {
    const time = fc.integer({ min: 0, max: 200 * DAY });
    const times = fc.tuple(time, time, time, time, time, time);
    const coarsest = fc.constantFrom('hour', 'day', 'week');
    fc.assert(
      fc.property(
        times,
        coarsest,
        fc.boolean(),
        ([from, to, minutes, hours, quarter, week], by, canSubtract) => {
          const kept = {
            minutesFromEpochMs: minutes,
            hoursFromEpochMs: hours,
            sumsToEpochMs: { quarter, week },
          };
          const pieces = piecesOf(from, to, kept, by, canSubtract);
          const changes = new Map([
            [from, -1],
            [to, 1],
          ]);
          if (from >= to) changes.clear();
          for (const { of, fromEpochMs, toEpochMs, sign } of pieces) {
            expect(toEpochMs).toBeGreaterThan(fromEpochMs);
            if (!canSubtract) expect(sign).toBe(1);
            changes.set(fromEpochMs, (changes.get(fromEpochMs) ?? 0) + sign);
            changes.set(toEpochMs, (changes.get(toEpochMs) ?? 0) - sign);
            if (of === 'rows') continue;
            const start = (at: number) =>
              of === 'quarter' || of === 'week' ? startOf(at, of) : bucketOf(at, of);
            expect([start(fromEpochMs), start(toEpochMs)]).toEqual([fromEpochMs, toEpochMs]);
            if (of === 'quarter' || of === 'week')
              expect(toEpochMs).toBeLessThanOrEqual({ quarter, week }[of]);
            if (of === 'quarter' || of === 'hour') expect(fromEpochMs).toBeGreaterThanOrEqual(hours);
            if (of === 'minute') expect(fromEpochMs).toBeGreaterThanOrEqual(minutes);
          }
          expect([...changes.values()].filter((change) => change !== 0)).toEqual([]);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('goes through the buckets of the coarsest grain in their order', () => {
    const time = fc.integer({ min: 0, max: 20 * DAY });
    fc.assert(
      fc.property(time, time, time, fc.constantFrom('hour', 'day'), (from, to, minutes, by) => {
        const kept = {
          minutesFromEpochMs: minutes,
          hoursFromEpochMs: 0,
          sumsToEpochMs: { quarter: 9 * DAY, week: 0 },
        };
        const buckets = piecesOf(from, to, kept, by, true).map(({ fromEpochMs }) =>
          bucketOf(fromEpochMs, by),
        );
        expect(buckets).toEqual(buckets.toSorted((a, b) => a - b));
      }),
    );
  });

  test('reads at most half a minute of rows at each end of a month whose minutes are kept', () => {
    const kept = {
      minutesFromEpochMs: 0,
      hoursFromEpochMs: 0,
      sumsToEpochMs: { quarter: NOON + 10 * DAY, week: NOON + 27 * DAY },
    };
    const pieces = (canSubtract: boolean) =>
      piecesOf(NOON + 90_001, NOON + 30 * DAY + 61_000, kept, 'week', canSubtract).map(
        ({ of, fromEpochMs, toEpochMs, sign }) => [of, (toEpochMs - fromEpochMs) * sign],
      );
    expect(pieces(true)).toEqual([
      // A week without what is before 12:01:30.001 on its second day.
      ['week', 7 * DAY],
      ['day', -DAY],
      ['day', -DAY],
      ['quarter', 6 * HOUR],
      ['minute', -MINUTE],
      ['minute', -MINUTE],
      ['rows', 29_999],
      ['quarter', 6 * HOUR],
      ['week', 21 * DAY],
      ['day', 3 * DAY],
      // A day without what is after 12:01:01.
      ['day', DAY],
      ['hour', -HOUR],
      ['minute', MINUTE],
      ['rows', 1000],
      ['hour', -5 * HOUR],
      ['hour', -6 * HOUR],
    ]);
    expect(pieces(false)).toEqual([
      ['rows', 29_999],
      ['minute', 58 * MINUTE],
      ['hour', 5 * HOUR],
      ['quarter', 6 * HOUR],
      ['day', 5 * DAY],
      ['week', 21 * DAY],
      ['day', 3 * DAY],
      ['hour', 12 * HOUR],
      ['minute', MINUTE],
      ['rows', 1000],
    ]);
  });
});

describe('Database.reports', () => {
  test('groups() gives percentiles within 1% of the exact ones, and exact counts and sums', async () => {
    const database = await databases.open();
    const records = traffic(3000);
    await appendAll(database, records);
    await rollUpAll(database);
    const groups = (await database.reports.groups(everything)) ?? [];
    expect(groups).toHaveLength(9);
    for (const { by, counters, measures } of groups) {
      const mine = records.filter(
        ({ combo, startKind }) => combo === by.combo && startKind === by.start_kind,
      );
      const answered = mine.filter(({ errorCode }) => errorCode === null);
      expect(counters.answered).toBe(answered.length);
      expect(requestsOf(counters)).toBe(mine.length);
      expect(counters.aborted ?? 0).toBe(
        mine.filter(({ errorCode }) => errorCode === 'client_closed').length,
      );
      for (const [name, p] of Object.entries({ p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 })) {
        const exact = exactQuantile(
          answered.map(({ ttftMs }) => ttftMs ?? 0),
          p,
        );
        const found = measures.ttft?.[name as 'p50'] ?? Number.NaN;
        expect(Math.abs(found - exact) / exact).toBeLessThan(0.01);
      }
    }
  });

  test('groups() gives the same whether nothing, some or all is rolled up and packed, of any range', async () => {
    const [rolled, half, raw] = [await databases.open(), await databases.open(), await databases.open()];
    const packed = await databases.open();
    const later = NOON + 7 * DAY;
    const rest = requestRecord('req_rest', { arrivedAtEpochMs: later });
    // What comes late is packed too, but for the last of it.
    const lots = [
      [...traffic(600), rest],
      [...traffic(100, 9), { ...rest, requestId: requestId('req_2') }],
      traffic(100, 10),
    ];
    for (const [index, records] of lots.entries()) {
      for (const database of [rolled, half, raw, packed]) await appendAll(database, records);
      await rollUpAll(packed);
      if (index < 2) expect(await packAll(packed, later)).toBeGreaterThan(20);
    }
    await rollUpAll(rolled, 300);
    await half.rollUps.step(NOON, 400);
    const time = fc.integer({ min: NOON - 2.2 * DAY, max: NOON + HOUR });
    const query = fc.record({
      fromEpochMs: fc.oneof(
        time,
        time.map((at) => bucketOf(at, 'hour')),
        fc.constant(NOON - 30 * DAY),
      ),
      toEpochMs: fc.option(time),
      combo: fc.constantFrom(null, 'tiny-chat'),
      by: fc.constantFrom<Pick<GroupQuery, 'cube' | 'groupBy'>>(
        { cube: 'latency', groupBy: ['combo', 'start_kind'] },
        { cube: 'latency', groupBy: ['hour', 'joined'] },
        { cube: 'latency', groupBy: ['base', 'hour', 'day'] },
        { cube: 'latency', groupBy: ['day'] },
        { cube: 'latency', groupBy: ['start_kind', 'endpoint', 'joined'] },
        { cube: 'starts', groupBy: ['start_kind', 'tier'] },
        { cube: 'usage', groupBy: ['key', 'base', 'day'] },
        { cube: 'usage', groupBy: [] },
      ),
    });
    await fc.assert(
      fc.asyncProperty(query, async ({ by, ...range }) => {
        const answers = await Promise.all(
          [rolled, half, raw, packed].map(({ reports }) => reports.groups({ ...range, ...by })),
        );
        const [all, some, none, together] = answers.map(comparable);
        expect(all).toEqual(none);
        expect(together).toEqual(none);
        expect(some).toEqual(none);
      }),
      { numRuns: 60 },
    );
  });

  test('groups() has a request as soon as it is on disk, and once', async () => {
    const database = await databases.open();
    const count = async () => {
      const groups = await database.reports.groups({ ...everything, groupBy: [] });
      return groups?.[0]?.counters.answered ?? 0;
    };
    for (let turn = 1; turn <= 6; turn += 1) {
      await database.ledger.append(requestRecord(`req_${turn}`, { arrivedAtEpochMs: NOON - turn }));
      expect(await count()).toBe(turn);
      if (turn % 2 === 0) await rollUpAll(database);
      expect(await count()).toBe(turn);
    }
  });

  test('groups() has the parts of amounts, also of cells that were rolled up', async () => {
    const database = await databases.open();
    const cost = {
      inputMicroUsd: 1,
      cachedMicroUsd: 20,
      outputMicroUsd: 300,
      runnerMicroUsd: 4000,
      deviceMicroUsd: 50_000,
      startMicroUsd: 600_000,
      totalMicroUsd: 654_321,
    };
    const query: GroupQuery = { ...everything, cube: 'usage', groupBy: ['key'] };
    await appendAll(database, [
      requestRecord('req_1', { arrivedAtEpochMs: NOON, keyId: 'key_a', cost }),
      requestRecord('req_2', { arrivedAtEpochMs: NOON, keyId: 'key_a', cost }),
    ]);
    const { totalMicroUsd, ...parts } = cost;
    const twice = Object.entries({ ...parts, costMicroUsd: totalMicroUsd }).map(([name, part]) => [
      name,
      2 * part,
    ]);
    for (const isRolledUp of [false, true]) {
      if (isRolledUp) await rollUpAll(database);
      const groups = await database.reports.groups(query);
      expect(groups?.[0]?.counters).toMatchObject(Object.fromEntries(twice));
    }
  });

  test('groups() answers null rather than with more groups than a report may have', async () => {
    const database = await databases.open();
    const records = traffic(10_050).map((record, index) => ({
      ...record,
      keyId: `key_${index}`,
    }));
    await appendAll(database, records);
    const query = { ...everything, cube: 'usage', groupBy: ['key'] } as const;
    expect(await database.reports.groups(query)).toBeNull();
  });
});

describe('Database.rollUps', () => {
  test('step() written twice, as after a crash before its answer came, changes nothing', async () => {
    const path = databases.newPath();
    const database = await databases.open({ path });
    await appendAll(database, traffic(300));
    await rollUpAll(database);
    const before = comparable(await database.reports.groups(everything));
    const sqlite = new Sqlite(path);
    const mark = sqlite.prepare('select request_id from rollup_mark').pluck().get();
    const cells = sqlite.prepare('select count(*) from rollup_cells').pluck().get();
    sqlite.close();
    // Two of the same step at a time: the second one finds the mark past its beginning.
    await appendAll(database, traffic(50, 8));
    const both = await Promise.allSettled([database.rollUps.step(NOON), database.rollUps.step(NOON)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const raw = await databases.open();
    await appendAll(raw, [...traffic(300), ...traffic(50, 8)]);
    expect(comparable(await database.reports.groups(everything))).toEqual(
      comparable(await raw.reports.groups(everything)),
    );
    expect(comparable(await database.reports.groups(everything))).not.toEqual(before);
    expect([mark, cells]).not.toContain(0);
  });

  test('step() goes on where it was after the rows were numbered anew, as VACUUM may do', async () => {
    const path = databases.newPath();
    const first = await databases.open({ path });
    await appendAll(first, traffic(400));
    await first.rollUps.step(NOON, 250);
    await first.close();
    const sqlite = new Sqlite(path);
    sqlite.exec('delete from requests where rowid <= 100; update requests set rowid = rowid - 100');
    expect(sqlite.prepare('select max(rowid) from requests').pluck().get()).toBe(300);
    sqlite.close();
    const second = await databases.open({ path });
    await rollUpAll(second, 100);
    const groups = await second.reports.groups({ ...everything, cube: 'usage', groupBy: [] });
    expect(requestsOf(groups![0]!.counters)).toBe(400);
  });

  test('step() drops minutes and hours that are old, and reports stay whole', async () => {
    const path = databases.newPath();
    const database = await databases.open({ path });
    const records = traffic(300);
    await appendAll(database, records);
    await rollUpAll(database);
    const rest = requestRecord('req_rest', { arrivedAtEpochMs: NOON + 3 * HOUR });
    await database.ledger.append(rest);
    await rollUpAll(database);
    expect(await packAll(database, NOON + 3 * HOUR)).toBeGreaterThan(100);
    const later = NOON + 120 * DAY;
    await database.ledger.append(requestRecord('req_late', { arrivedAtEpochMs: later }));
    await rollUpAll(database, 1000, later);
    for (let turn = 0; turn < 40; turn += 1) {
      await database.ledger.append(requestRecord(`req_late_${turn}`, { arrivedAtEpochMs: later }));
      await database.rollUps.step(later);
    }
    const sqlite = new Sqlite(path, { readonly: true });
    const old = sqlite
      .prepare(
        `select (select count(*) from rollup_cells where grain <> 'day' and bucket_epoch_ms < :at)
           + (select count(*) from rollup_packs where grain = 'hour' and bucket_epoch_ms < :at)`,
      )
      .pluck()
      .get({ at: NOON + DAY });
    sqlite.close();
    expect(old).toBe(0);
    const raw = await databases.open();
    await appendAll(raw, records);
    const query = { ...everything, fromEpochMs: NOON - DAY - 5 * HOUR - 90_500, toEpochMs: NOON - 777 };
    expect(comparable(await database.reports.groups(query))).toEqual(
      comparable(await raw.reports.groups(query)),
    );
  });

  test('pack() written twice, or beside a step, changes nothing', async () => {
    const path = databases.newPath();
    const database = await databases.open({ path });
    const later = NOON + 2 * DAY;
    await appendAll(database, [
      ...traffic(300),
      requestRecord('req_rest', { arrivedAtEpochMs: later }),
      ...traffic(20, 8),
    ]);
    const raw = comparable(await database.reports.groups(everything));
    await database.rollUps.step(later, 301);
    const outcomes = async (...both: Promise<unknown>[]) =>
      (await Promise.allSettled(both)).map(({ status }) => status);
    expect(await outcomes(database.rollUps.pack(later), database.rollUps.pack(later))).toEqual([
      'fulfilled',
      'rejected',
    ]);
    expect(await outcomes(database.rollUps.step(later), database.rollUps.pack(later))).toEqual([
      'fulfilled',
      'rejected',
    ]);
    expect(comparable(await database.reports.groups(everything))).toEqual(raw);
  });

  test('pack() leaves alone what is not over, or not all rolled up', async () => {
    const database = await databases.open();
    const at = (id: string, arrivedAtEpochMs: number) => requestRecord(id, { arrivedAtEpochMs });
    await appendAll(database, [at('req_1', NOON), at('req_2', NOON + 2 * HOUR - 1)]);
    await rollUpAll(database);
    expect(await database.rollUps.pack(NOON + 30 * DAY)).toBe(false);
    await appendAll(database, [at('req_3', NOON + 2 * HOUR)]);
    await rollUpAll(database);
    expect(await database.rollUps.pack(NOON + 2 * HOUR - 1)).toBe(false);
    // One hour of three cubes; no start.
    expect(await packAll(database, NOON + 30 * DAY)).toBe(3);
  });

  test('rolledUpTo() names the last row that is in the roll-ups', async () => {
    const database = await databases.open();
    expect(await database.reports.rolledUpTo()).toBeNull();
    await database.ledger.append(requestRecord('req_1', { arrivedAtEpochMs: NOON }));
    await rollUpAll(database);
    expect(await database.reports.rolledUpTo()).toEqual({
      requestId: 'req_1',
      arrivedAtEpochMs: NOON,
      minutesFromEpochMs: NOON - 3 * DAY,
    });
  });
});

describe('Database.reports, beside groups', () => {
  test('evictions() gives what gave way in the range, the oldest first', async () => {
    const { events, ledger, reports } = await databases.open();
    const at = (minutes: number) => NOON + minutes * MINUTE;
    events.append({
      atEpochMs: at(3),
      type: 'segment_dropped',
      detail: { key: 's:1', book: 'bases', bytes: 7 },
    });
    events.append({
      atEpochMs: at(1),
      type: 'base_evicted',
      runnerId: 'r_1',
      detail: { base: 'b', bytes: 100 },
    });
    events.append({ atEpochMs: at(2), type: 'combo_evicted', combo: 'b+x', detail: { bytes: 5 } });
    events.append({ atEpochMs: at(2), type: 'combo_detached', combo: 'b+x' });
    events.append({ atEpochMs: at(4), type: 'base_evicted', detail: { base: 'late', bytes: 1 } });
    await ledger.append(requestRecord('barrier'));
    expect(await reports.evictions({ fromEpochMs: at(1), toEpochMs: at(4) })).toEqual([
      { atEpochMs: at(1), what: 'base', name: 'b', bytes: 100 },
      { atEpochMs: at(2), what: 'combo', name: 'b+x', bytes: 5 },
      { atEpochMs: at(3), what: 'segment', name: 's:1', bytes: 7 },
    ]);
  });

  test('ownStarts() gives starts by who began them, corrections() what is added to requests', async () => {
    const path = databases.newPath();
    const { ledger, reports } = await databases.open({ path });
    const own = { joined: false, startKind: 'cold', arrivedAtEpochMs: NOON } as const;
    await ledger.append(
      requestRecord('req_own', { ...own, phasesMs: { queue: 9, load: 30, attach: 2, prefill: 5 } }),
    );
    await ledger.append(requestRecord('req_joined', { ...own, joined: true }));
    await ledger.append(requestRecord('req_warm', { ...own, startKind: 'warm' }));
    await ledger.append(requestRecord('req_failed', { ...own, errorCode: 'start_failed' }));
    const range = { fromEpochMs: NOON, toEpochMs: null };
    expect(await reports.ownStarts(range)).toEqual([
      {
        arrivedAtEpochMs: NOON,
        combo: 'tiny-chat+pirate',
        base: 'tiny-chat',
        kind: 'cold',
        tookMs: 32,
        stagedBytes: 0,
        uploadBytes: 0,
      },
    ]);
    const sqlite = new Sqlite(path);
    const correct = sqlite.prepare(
      "insert into corrections values (?, 'req_own', ?, 'r', 'admin', -3, -1, -2, ?)",
    );
    correct.run('c1', NOON + 40 * DAY, -10);
    correct.run('c2', NOON + 41 * DAY, 4);
    sqlite.close();
    const sums = { promptTokens: -6, cachedTokens: -2, completionTokens: -4, costMicroUsd: -6 };
    const whose = { key: null, combo: 'tiny-chat+pirate', base: 'tiny-chat', dayEpochMs: NOON - 12 * HOUR };
    expect(await reports.corrections(range)).toEqual([{ ...whose, ...sums }]);
    expect(await reports.corrections({ fromEpochMs: NOON + 1, toEpochMs: null })).toEqual([]);
  });

  test('keyTags() gives the tags of every key', async () => {
    const { keys, reports } = await databases.open();
    await keys.put(apiKey('key_a', { tags: { team: 'search' } }));
    await keys.put(apiKey('key_b'));
    expect(await reports.keyTags()).toEqual(
      new Map([
        ['key_a', { team: 'search' }],
        ['key_b', {}],
      ]),
    );
  });
});

import Sqlite from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bucketOf, GRAIN_MS } from '../../db/rollups/grains.ts';
import { requestId } from '../../gateway/domain/ids.ts';
import type { GroupQuery } from '../../gateway/domain/reportFigures.ts';
import { apiKey } from '../contracts/keyStore.ts';
import { requestRecord } from '../fakes/records.ts';
import { exactQuantile } from './exactQuantile.ts';
import {
  appendAll,
  comparable,
  everything,
  NOON,
  packAll,
  requestsOf,
  rollUpAll,
  traffic,
} from './reportTraffic.ts';
import { useTemporaryDatabases } from './temporary.ts';

const databases = useTemporaryDatabases();
const { minute: MINUTE, hour: HOUR, day: DAY } = GRAIN_MS;

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
      { numRuns: 40 },
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

  test('groups() takes nothing from combos that are in (other) in the roll-ups', async () => {
    const path = databases.newPath();
    const database = await databases.open({ path });
    const records = traffic(400).map((record, index) => ({
      ...record,
      arrivedAtEpochMs: NOON + index * 100,
    }));
    await appendAll(database, records);
    await rollUpAll(database);
    const sqlite = new Sqlite(path);
    sqlite.exec(`update rollup_series set values_json = replace(values_json, '"other"', '"(other)"')`);
    sqlite.close();
    // Half a minute and more: the minute without its rest, but for those rows.
    const query = { ...everything, fromEpochMs: NOON, toEpochMs: NOON + 35_000, groupBy: ['combo'] } as const;
    const counts = (await database.reports.groups(query))?.map(({ counters }) => requestsOf(counters)) ?? [];
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(350);
    const one = await database.reports.groups({ ...query, combo: 'other' });
    expect(requestsOf(one?.[0]?.counters ?? {})).toBe(
      records.slice(0, 350).filter(({ combo }) => combo === 'other').length,
    );
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

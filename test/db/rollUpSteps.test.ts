import Sqlite from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { GRAIN_MS } from '../../db/rollups/grains.ts';
import { requestRecord } from '../fakes/records.ts';
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
const { hour: HOUR, day: DAY } = GRAIN_MS;

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
    // The second one is refused, or has read what the first one wrote: as the threads are scheduled.
    const firstOf = async (...both: Promise<unknown>[]) => (await Promise.allSettled(both))[0]?.status;
    expect(await firstOf(database.rollUps.pack(later), database.rollUps.pack(later))).toBe('fulfilled');
    expect(await firstOf(database.rollUps.step(later), database.rollUps.pack(later))).toBe('fulfilled');
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

import { expect, test } from 'vitest';
import { comboName } from '../../gateway/domain/ids.ts';
import { requestRecord } from '../fakes/records.ts';
import { appendAll } from './reportTraffic.ts';
import { useTemporaryDatabases } from './temporary.ts';

const databases = useTemporaryDatabases();

test('Database.keepWarm has one median of what brought a base, of the starts of all its combos', async () => {
  const database = await databases.open();
  const start = (id: string, combo: string, loadMs: number) =>
    requestRecord(id, {
      combo: comboName(combo),
      startKind: 'cold',
      joined: false,
      phasesMs: { spawn: 1, load: loadMs, attach: 2, prefill: 3 },
    });
  await appendAll(database, [
    start('req_1', 'tiny-chat', 99),
    start('req_2', 'tiny-chat+pirate', 499),
    start('req_3', 'tiny-chat+pirate', 599),
    start('req_4', 'tiny-chat+pirate', 699),
  ]);
  const { combos } = await database.keepWarm.recordedTrace({ fromEpochMs: 0, toEpochMs: null, most: 100 });
  // The medians of the two combos are 100 ms and 600 ms, that of all four starts is the second of 100, 500, 600 and 700.
  expect(combos.map(({ combo, starts, baseMs, attachMs }) => [combo, starts, baseMs, attachMs])).toEqual([
    ['tiny-chat', 1, 500, 2],
    ['tiny-chat+pirate', 3, 500, 2],
  ]);
});

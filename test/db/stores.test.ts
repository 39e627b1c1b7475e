import Sqlite from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { describeCatalogueStore } from '../contracts/catalogueStore.ts';
import { describeDemandHistory } from '../contracts/demandHistory.ts';
import { describeDurationHistory } from '../contracts/durationHistory.ts';
import { describeEventLog } from '../contracts/eventLog.ts';
import { describeKeyStore } from '../contracts/keyStore.ts';
import { describeLedger } from '../contracts/ledger.ts';
import { describePinStore } from '../contracts/pinStore.ts';
import { describeRunnerStore } from '../contracts/runnerStore.ts';
import { describeSourceFactsStore } from '../contracts/sourceFacts.ts';
import { MemoryCatalogueStore } from '../fakes/memoryCatalogueStore.ts';
import { MemoryDemandHistory } from '../fakes/memoryDemandHistory.ts';
import { MemoryDurationHistory } from '../fakes/memoryDurationHistory.ts';
import { MemoryEventLog } from '../fakes/memoryEventLog.ts';
import { MemoryKeyStore } from '../fakes/memoryKeyStore.ts';
import { MemoryLedger } from '../fakes/memoryLedger.ts';
import { MemoryPinStore } from '../fakes/memoryPinStore.ts';
import { MemoryRunnerStore } from '../fakes/memoryRunnerStore.ts';
import { MemorySourceFacts } from '../fakes/memorySourceFacts.ts';
import { requestRecord } from '../fakes/records.ts';
import { useTemporaryDatabases } from './temporary.ts';

const databases = useTemporaryDatabases();

describeLedger('MemoryLedger', async () => {
  const ledger = new MemoryLedger();
  return {
    ledger,
    read: async (id) => ledger.rows.get(id) ?? null,
    corrections: async (id) => [...ledger.corrections.values()].filter((one) => one.requestId === id),
  };
});
describeLedger('SqliteLedger', async () => {
  const { ledger, requests } = await databases.open();
  return {
    ledger,
    read: (id) => requests.byId(id),
    corrections: async (id) => (await requests.account(id))?.corrections ?? [],
  };
});

describeEventLog('MemoryEventLog', async () => ({ events: new MemoryEventLog(), settle: async () => {} }));
describeEventLog('SqliteEventLog', async () => {
  const { events, ledger } = await databases.open();
  // An awaited write comes after every earlier one.
  return { events, settle: () => ledger.append(requestRecord('barrier')) };
});

describeDemandHistory('MemoryDemandHistory', async () => {
  const demand = new MemoryDemandHistory();
  return { demand, append: async (record) => void demand.records.push(record) };
});
describeDemandHistory('SqliteDemandHistory', async () => {
  const { demand, ledger } = await databases.open();
  return { demand, append: (record) => ledger.append(record) };
});

describeDurationHistory('MemoryDurationHistory', async () => {
  const durations = new MemoryDurationHistory();
  return { durations, append: async (record) => void durations.records.push(record) };
});
describeDurationHistory('SqliteDurationHistory', async () => {
  const { durations, ledger } = await databases.open();
  return { durations, append: (record) => ledger.append(record) };
});

describeRunnerStore('MemoryRunnerStore', async () => new MemoryRunnerStore());
describeRunnerStore('SqliteRunnerStore', async () => (await databases.open()).runners);

describeKeyStore('MemoryKeyStore', async () => new MemoryKeyStore());
describeKeyStore('SqliteKeyStore', async () => (await databases.open()).keys);

describePinStore('MemoryPinStore', async () => new MemoryPinStore());
describePinStore('SqlitePinStore', async () => (await databases.open()).pins);
describeSourceFactsStore('MemorySourceFacts', async () => new MemorySourceFacts());
describeSourceFactsStore('SqliteSourceFactsStore', async () => (await databases.open()).sourceFacts);

describeCatalogueStore('MemoryCatalogueStore', async () => new MemoryCatalogueStore());
describeCatalogueStore('SqliteCatalogueStore', async () => (await databases.open()).catalogue);

describe('RequestReads', () => {
  test('recent() gives the newest arrivals first and at most the limit', async () => {
    const { ledger, requests } = await databases.open();
    await Promise.all(
      [3, 1, 2].map((at) => ledger.append(requestRecord(`r${at}`, { arrivedAtEpochMs: at }))),
    );
    const ids = (await requests.recent(2)).map(({ requestId }) => requestId);
    expect(ids).toEqual(['r3', 'r2']);
    expect(await requests.recent(-1)).toEqual([]);
  });

  test('byId() gives null for an unknown id', async () => {
    const { requests } = await databases.open();
    expect(await requests.byId('never')).toBeNull();
  });
});

test('ComboStore.seen() keeps the first sight of each key', async () => {
  const path = databases.newPath();
  const { combos, close } = await databases.open({ path });
  const adapters = [{ id: 'pirate', scale: 0.5, revision: 'bbbbbbbbbbbb', digest: null }];
  const baseDigest = `sha256:${'a'.repeat(64)}`;
  const row = {
    comboKey: 'k',
    comboName: 'm+pirate@0.5',
    baseId: 'm',
    baseDigest,
    adapters,
    firstSeenAtEpochMs: 1,
  };
  combos.seen(row);
  combos.seen({ ...row, firstSeenAtEpochMs: 2 });
  await close();
  const sqlite = new Sqlite(path, { readonly: true });
  const rows = sqlite.prepare('select * from combos').all();
  sqlite.close();
  expect(rows).toEqual([
    {
      combo_key: 'k',
      combo_name: 'm+pirate@0.5',
      base_id: 'm',
      adapters_json: JSON.stringify(adapters),
      first_seen_at_epoch_ms: 1,
      base_digest: baseDigest,
    },
  ]);
});

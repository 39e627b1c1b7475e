import { describe, expect, test } from 'vitest';
import { describeCatalogueStore } from '../contracts/catalogueStore.ts';
import { describeEventLog } from '../contracts/eventLog.ts';
import { describeLedger } from '../contracts/ledger.ts';
import { describeRunnerStore } from '../contracts/runnerStore.ts';
import { MemoryCatalogueStore } from '../fakes/memoryCatalogueStore.ts';
import { MemoryEventLog } from '../fakes/memoryEventLog.ts';
import { MemoryLedger } from '../fakes/memoryLedger.ts';
import { MemoryRunnerStore } from '../fakes/memoryRunnerStore.ts';
import { requestRecord } from '../fakes/records.ts';
import { useTemporaryDatabases } from './temporary.ts';

const databases = useTemporaryDatabases();

describeLedger('MemoryLedger', async () => {
  const ledger = new MemoryLedger();
  return { ledger, read: async (id) => ledger.rows.get(id) ?? null };
});
describeLedger('SqliteLedger', async () => {
  const { ledger, requests } = await databases.open();
  return { ledger, read: (id) => requests.byId(id) };
});

describeEventLog('MemoryEventLog', async () => ({ events: new MemoryEventLog(), settle: async () => {} }));
describeEventLog('SqliteEventLog', async () => {
  const { events, ledger } = await databases.open();
  // An awaited write comes after every earlier one.
  return { events, settle: () => ledger.append(requestRecord('barrier')) };
});

describeRunnerStore('MemoryRunnerStore', async () => new MemoryRunnerStore());
describeRunnerStore('SqliteRunnerStore', async () => (await databases.open()).runners);

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

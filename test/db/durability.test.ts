import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { requestRecord } from '../fakes/records.ts';
import { MIGRATIONS_DIR, useTemporaryDatabases, WORKER_DIR } from './temporary.ts';

const databases = useTemporaryDatabases();

test('Ledger.append() has its row on disk when it resolves, also when the process is killed then', async () => {
  const path = databases.newPath();
  const script = `${path}.mjs`;
  const entry = `${import.meta.dirname}/fixtures/appendThenDie.ts`;
  await build({ entryPoints: [entry], outfile: script, bundle: true, platform: 'node', format: 'esm' });
  const child = spawn(process.execPath, [script, path, MIGRATIONS_DIR, WORKER_DIR, '25'], {
    stdio: 'inherit',
  });
  const [, signal] = await once(child, 'exit');
  expect(signal).toBe('SIGKILL');

  const { requests } = await databases.open({ path });
  expect(await requests.recent(100)).toHaveLength(25);
});

test('close() puts every write on disk that came before it', async () => {
  const path = databases.newPath();
  const first = await databases.open({ path });
  const appends = Array.from({ length: 10 }, (_, index) => first.ledger.append(requestRecord(`r${index}`)));
  first.events.append({ atEpochMs: 1, type: 'last_words' });
  await first.close();
  await Promise.all(appends);

  const second = await databases.open({ path });
  expect(await second.requests.recent(100)).toHaveLength(10);
  expect(await second.events.list(10)).toEqual([{ atEpochMs: 1, type: 'last_words' }]);
});

test('close() a second time resolves, and a write after it is refused with the reason', async () => {
  const database = await databases.open();
  await database.close();
  await database.close();
  const refused = database.ledger.append(requestRecord('late'));
  await expect(refused).rejects.toMatchObject({ cause: { message: 'the database is closed' } });
  await expect(database.requests.recent(1)).rejects.toThrow('Cannot read recentRequests');
});

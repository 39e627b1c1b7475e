import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { WriterClient } from '../../db/writer/client.ts';
import { requestRecord } from '../fakes/records.ts';
import { useTemporaryDatabases } from './temporary.ts';

const databases = useTemporaryDatabases();
const OPTIONS = { path: '/nowhere', migrationsDir: '/nowhere' };
const append = (id: string) => ({ kind: 'appendRequest', record: requestRecord(id) }) as const;
const EVENT = { atEpochMs: 1, type: 'x', runnerId: null, combo: null, detailJson: null };

/** A writer thread that behaves as `onWrite` says. */
async function workerThat(onWrite: string): Promise<string> {
  const script = `${databases.newPath()}.mjs`;
  await writeFile(
    script,
    `import { parentPort } from 'node:worker_threads';
     parentPort.postMessage({ kind: 'opened' });
     parentPort.on('message', (request) => {
       if (request.kind === 'close') return parentPort.close();
       ${onWrite}
     });`,
  );
  return script;
}

test('write() groups what arrives together: many appends, few commits', async () => {
  const { ledger, writerReport } = await databases.open();
  await Promise.all(Array.from({ length: 500 }, (_, index) => ledger.append(requestRecord(`r${index}`))));
  expect(writerReport()).toMatchObject({ commands: 500, pending: 0, lost: 0 });
  expect(writerReport().commits).toBeLessThanOrEqual(3);
});

test('write() commits one row alone without waiting for company', async () => {
  const { ledger, writerReport } = await databases.open();
  for (const id of ['a', 'b', 'c']) await ledger.append(requestRecord(id));
  expect(writerReport()).toMatchObject({ commands: 3, commits: 3 });
});

test('write() rejects everything that waits when the thread dies, with the cause', async () => {
  const writer = new WriterClient(await workerThat(`throw new Error('disk on fire');`), OPTIONS);
  await writer.opened();
  const outcomes = await Promise.allSettled([writer.write(append('a')), writer.write(append('b'))]);
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({
      status: 'rejected',
      reason: { cause: { cause: { message: 'disk on fire' } } },
    });
  }
  await expect(writer.write(append('late'))).rejects.toThrow('Cannot write appendRequest');
  expect((await writer.ended).message).toContain('ended with exit code 1');
  expect(writer.report().pending).toBe(0);
});

test('write() is refused at once past the bound, and background writes are dropped and counted', async () => {
  const limits = { maxPendingAwaited: 2, maxPendingBackground: 1 };
  const writer = new WriterClient(await workerThat(''), OPTIONS, limits);
  const stalled = [writer.write(append('a')), writer.write(append('b'))];
  await expect(writer.write(append('c'))).rejects.toThrow('2 writes wait for the disk');
  writer.writeInBackground({ kind: 'appendEvent', event: EVENT });
  writer.writeInBackground({ kind: 'appendEvent', event: EVENT });
  expect(writer.report()).toMatchObject({ pending: 3, lost: 1 });
  await writer.close();
  const outcomes = await Promise.allSettled(stalled);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});

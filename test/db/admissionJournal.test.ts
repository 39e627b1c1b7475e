import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { build } from 'esbuild';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { AdmissionJournal } from '../../db/journal/admissionJournal.ts';
import { OpenAdmissions } from '../../db/journal/openAdmissions.ts';
import type { WriteCommand } from '../../db/writer/commands.ts';
import { admission, requestRecord } from '../fakes/records.ts';
import { MIGRATIONS_DIR, useTemporaryDatabases, WORKER_DIR } from './temporary.ts';

const databases = useTemporaryDatabases();
const ATTEMPT = { keyHash: 'k', bodyFingerprint: 'f' };
let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-journal-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const newJournal = () => new AdmissionJournal(join(directory, 'db'));
const opened = (id: string) => ({ admission: admission(id), attempt: null });
const sizes = () => [1, 2].map((file) => statSync(join(directory, `db-admissions-${file}`)).size);

/** A writer that takes what it is given when it is told to. */
function manualWriter() {
  const asked: { command: WriteCommand; resolve: () => void; reject: (error: Error) => void }[] = [];
  const write = (command: WriteCommand) =>
    new Promise<void>((resolve, reject) => asked.push({ command, resolve, reject }));
  return { asked, write };
}

test('AdmissionJournal gives the next process what was appended, and counts lines that are spoilt', () => {
  const journal = newJournal();
  journal.append(opened('a'));
  journal.append({ admission: admission('b'), attempt: ATTEMPT });
  appendFileSync(join(directory, 'db-admissions-1'), '{"admission":{"requestId":"c"');
  expect(newJournal().read()).toEqual({
    opened: [opened('a'), { admission: admission('b'), attempt: ATTEMPT }],
    spoilt: 1,
  });
});

test('AdmissionJournal empties a file that nobody needs, also under steady load', () => {
  const journal = newJournal();
  const releases: (() => void)[] = [];
  for (let index = 0; index < 3000; index += 1) {
    releases.push(journal.append(opened(`r${index}`)));
    if (releases.length > 100) releases.shift()?.();
    if (index % 50 === 0) journal.tidy();
  }
  const [first = 0, second = 0] = sizes();
  expect(first + second).toBeLessThan(800 * 1024);
  expect(Math.min(first, second)).toBeLessThan(300 * 1024);
  for (const release of releases) release();
  expect(journal.isEmpty).toBe(false);
  journal.tidy();
  expect(sizes()).toEqual([0, 0]);
  expect(journal.isEmpty).toBe(true);
});

test('OpenAdmissions writes an admission with its row, or by itself a little later', async () => {
  vi.useFakeTimers();
  try {
    const { asked, write } = manualWriter();
    const open = new OpenAdmissions(newJournal(), write);
    open.open(opened('a'));
    open.open(opened('b'));
    expect(asked).toEqual([]);
    open.settle('a');
    open.settle('a');
    open.settle('unknown');
    expect(asked.map(({ command }) => command)).toEqual([{ kind: 'openRequest', admission: admission('a') }]);
    vi.advanceTimersByTime(250);
    expect(asked.map(({ command }) => command.kind)).toEqual(['openRequest', 'openRequest']);
    for (const { resolve } of asked) resolve();
    await vi.advanceTimersByTimeAsync(250);
    expect(sizes()).toEqual([0, 0]);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test('OpenAdmissions keeps and tries again what the database refuses', async () => {
  vi.useFakeTimers();
  try {
    const { asked, write } = manualWriter();
    const journal = newJournal();
    const open = new OpenAdmissions(journal, write);
    open.open(opened('a'));
    await vi.advanceTimersByTimeAsync(250);
    asked[0]?.reject(new Error('the disk is full'));
    await vi.advanceTimersByTimeAsync(250);
    expect(asked).toHaveLength(2);
    expect(journal.read().opened).toEqual([opened('a')]);
    asked[1]?.resolve();
    await vi.advanceTimersByTimeAsync(250);
    expect(sizes()).toEqual([0, 0]);
  } finally {
    vi.useRealTimers();
  }
});

test('OpenAdmissions opens nothing more when the database takes nothing', () => {
  const open = new OpenAdmissions(newJournal(), () => new Promise(() => {}));
  for (let index = 0; index < 16_384; index += 1) open.open(opened(`r${index}`));
  expect(() => open.open(opened('late'))).toThrow('16384 wait for the database');
});

test('Ledger.open() outlives a process that is killed the moment it returns', async () => {
  const path = databases.newPath();
  const script = `${path}.mjs`;
  const entry = `${import.meta.dirname}/fixtures/openThenDie.ts`;
  await build({ entryPoints: [entry], outfile: script, bundle: true, platform: 'node', format: 'esm' });
  const child = spawn(process.execPath, [script, path, MIGRATIONS_DIR, WORKER_DIR, '25'], {
    stdio: 'inherit',
  });
  const [, signal] = await once(child, 'exit');
  expect(signal).toBe('SIGKILL');

  const { ledger, spoiltAdmissions } = await databases.open({ path });
  expect(spoiltAdmissions).toBe(0);
  expect((await ledger.unsettled()).map(({ requestId }) => requestId)).toEqual(
    Array.from({ length: 25 }, (_, index) => `r${index}`),
  );
  const sqlite = new Sqlite(path, { readonly: true });
  expect(sqlite.prepare('select request_id, key_hash from idempotency_keys').all()).toEqual([
    { request_id: 'r0', key_hash: 'k' },
  ]);
  sqlite.close();
  expect(readFileSync(`${path}-admissions-1`, 'utf8')).toBe('');
});

test('close() has every admission in the database, and its journal empty', async () => {
  const path = databases.newPath();
  const first = await databases.open({ path });
  first.ledger.open(admission('a'), null);
  first.ledger.open(admission('b'), null);
  await first.ledger.append(requestRecord('b'));
  await first.close();
  expect(readFileSync(`${path}-admissions-1`, 'utf8')).toBe('');
  const second = await databases.open({ path });
  expect(await second.ledger.unsettled()).toEqual([admission('a')]);
});

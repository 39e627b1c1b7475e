import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import { expect, test } from 'vitest';
import { codeOf, openError } from '../../db/openErrors.ts';
import { requestRecord } from '../fakes/records.ts';
import { MIGRATIONS_DIR, useTemporaryDatabases } from './temporary.ts';

const databases = useTemporaryDatabases();

test('openDatabase() makes a database with write-ahead log and all tables', async () => {
  const path = databases.newPath();
  await databases.open({ path });
  const sqlite = new Sqlite(path, { readonly: true });
  const tables = sqlite.prepare("select name from sqlite_master where type = 'table'").pluck().all();
  expect(tables).toEqual(
    expect.arrayContaining([
      'models',
      'adapters',
      'aliases',
      'combos',
      'runners',
      'requests',
      'pins',
      'events',
    ]),
  );
  expect(sqlite.pragma('journal_mode', { simple: true })).toBe('wal');
  sqlite.close();
});

test('openDatabase() has one thread that stands back for the others: that of reports', async () => {
  const niceThreads = () =>
    readdirSync('/proc/self/task').filter((thread) => {
      const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
      // proc(5): nice is field 19; the second one may have blanks in it.
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]) > 0;
    }).length;
  const before = niceThreads();
  await databases.open();
  expect(niceThreads()).toBe(before + 1);
});

test('openDatabase() opens what it made before and keeps its rows', async () => {
  const path = databases.newPath();
  const first = await databases.open({ path });
  await first.ledger.append(requestRecord('kept'));
  await first.close();
  const second = await databases.open({ path });
  expect(await second.requests.byId('kept')).not.toBeNull();
});

test('openDatabase() migrates an old database and keeps its rows', async () => {
  const path = databases.newPath();
  const old = await databases.open({ path });
  await old.ledger.append(requestRecord('kept'));
  await old.close();
  const newer = await migrationsWithOneMore(`${path}.migrations`, 'ALTER TABLE `requests` ADD `note` text;');
  const database = await databases.open({ path, migrationsDir: newer });
  expect(await database.requests.byId('kept')).not.toBeNull();
  const sqlite = new Sqlite(path, { readonly: true });
  expect(sqlite.prepare('select note from requests').pluck().all()).toEqual([null]);
  sqlite.close();
});

test('openDatabase() gives rows of before figures of starts were kept without any, and keeps those of new ones', async () => {
  const path = databases.newPath();
  const before = await migrationsUntil(`${path}.migrations`, '0006_sources');
  const sqlite = new Sqlite(path);
  migrate(drizzle(sqlite), { migrationsFolder: before });
  sqlite.exec(`insert into requests (request_id, endpoint, combo, base_id, start_kind, joined, stream,
    arrived_at_epoch_ms, stage_ms, load_ms, total_ms, prompt_tokens, cached_tokens, completion_tokens,
    response_bytes, http_status)
    values ('old', 'completions', 'tiny', 'tiny', 'cold', 0, 0, 1, 12.5, 3, 20, 1, 0, 1, 10, 200)`);
  sqlite.close();
  const database = await databases.open({ path });
  const old = await database.requests.byId('old');
  expect(old).toMatchObject({ startKind: 'cold', phasesMs: { stage: 12.5, load: 3 }, startDetail: null });
  const startDetail = { tier: 'origin', staged: null, upload: null } as const;
  await database.ledger.append(requestRecord('new', { startDetail }));
  expect(await database.requests.byId('new')).toMatchObject({ startDetail });
});

test('openDatabase() refuses a database that newer code has migrated, and names it', async () => {
  const path = databases.newPath();
  const newer = await migrationsWithOneMore(`${path}.migrations`, 'CREATE TABLE `later` (`id` integer);');
  await (await databases.open({ path, migrationsDir: newer })).close();
  await expect(databases.open({ path })).rejects.toThrow(
    `Cannot open database "${path}": it is newer than this version of Hearth`,
  );
});

test('openDatabase() leaves a database as it was when a migration fails', async () => {
  const path = databases.newPath();
  await (await databases.open({ path })).close();
  const broken = await migrationsWithOneMore(
    `${path}.migrations`,
    'CREATE TABLE `half` (`id` integer);\n--> statement-breakpoint\nCREATE TABLE `models` (`id` integer);',
  );
  await expect(databases.open({ path, migrationsDir: broken })).rejects.toThrow(path);
  const sqlite = new Sqlite(path, { readonly: true });
  expect(sqlite.prepare("select 1 from sqlite_master where name = 'half'").get()).toBeUndefined();
  sqlite.close();
});

test('openDatabase() refuses a file that is no database', async () => {
  const path = databases.newPath();
  await writeFile(path, 'not a database at all, but long enough to be looked at. '.repeat(200));
  await expect(databases.open({ path })).rejects.toThrow(
    `Cannot open database "${path}": the file is not a SQLite database`,
  );
});

test('openDatabase() refuses a corrupt database', async () => {
  const path = databases.newPath();
  await (await databases.open({ path })).close();
  const bytes = await readFile(path);
  bytes.fill(0xff, 100, 4096);
  await writeFile(path, bytes);
  await expect(databases.open({ path })).rejects.toThrow(
    `Cannot open database "${path}": the file is corrupt`,
  );
});

test('openDatabase() names the directory that is not there', async () => {
  const path = join(`${databases.newPath()}-missing`, 'hearth.db');
  await expect(databases.open({ path })).rejects.toThrow(/is not there or not writable/);
});

test('openDatabase() names the directory that is a file', async () => {
  const directory = databases.newPath();
  await writeFile(directory, '');
  await expect(databases.open({ path: join(directory, 'hearth.db') })).rejects.toThrow(
    `the directory "${directory}" is not there or not writable`,
  );
});

test('openError() is one sentence that keeps its cause', () => {
  const cause = Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' });
  const wrapped = new Error('Failed query', { cause });
  expect(codeOf(wrapped)).toBe('SQLITE_BUSY');
  expect(openError('/x/hearth.db', wrapped)).toMatchObject({
    message: 'Cannot open database "/x/hearth.db": another process is writing to it',
    cause: wrapped,
  });
});

/** A copy of the migrations up to one of them. */
async function migrationsUntil(directory: string, last: string): Promise<string> {
  await mkdir(join(directory, 'meta'), { recursive: true });
  const journal = JSON.parse(await readFile(join(MIGRATIONS_DIR, 'meta/_journal.json'), 'utf8'));
  const tags: string[] = journal.entries.map(({ tag }: { tag: string }) => tag);
  const entries = journal.entries.slice(0, tags.indexOf(last) + 1);
  for (const { tag } of entries)
    await writeFile(join(directory, `${tag}.sql`), await readFile(join(MIGRATIONS_DIR, `${tag}.sql`)));
  await writeFile(join(directory, 'meta/_journal.json'), JSON.stringify({ ...journal, entries }));
  return directory;
}

/** A copy of the migrations with one more that the code does not know. */
async function migrationsWithOneMore(directory: string, sqlText: string): Promise<string> {
  await mkdir(join(directory, 'meta'), { recursive: true });
  const journal = JSON.parse(await readFile(join(MIGRATIONS_DIR, 'meta/_journal.json'), 'utf8'));
  for (const { tag } of journal.entries) {
    await writeFile(join(directory, `${tag}.sql`), await readFile(join(MIGRATIONS_DIR, `${tag}.sql`)));
  }
  const last = journal.entries.at(-1);
  const entry = { ...last, idx: last.idx + 1, when: last.when + 1, tag: `${last.idx + 1}_more` };
  await writeFile(join(directory, `${entry.tag}.sql`), sqlText);
  const entries = [...journal.entries, entry];
  await writeFile(join(directory, 'meta/_journal.json'), JSON.stringify({ ...journal, entries }));
  return directory;
}

import Sqlite from 'better-sqlite3';
import { afterEach, expect, test } from 'vitest';
import { commitGroup } from '../../db/writer/commitGroup.ts';
import { openWriter } from '../../db/writer/open.ts';
import { prepareStatements } from '../../db/writer/statements.ts';
import { requestRecord } from '../fakes/records.ts';
import { MIGRATIONS_DIR, useTemporaryDatabases } from './temporary.ts';

const databases = useTemporaryDatabases();
const closing: Sqlite.Database[] = [];
afterEach(() => {
  for (const sqlite of closing.splice(0)) sqlite.close();
});

function openSubject() {
  const { sqlite, db } = openWriter({ path: databases.newPath(), migrationsDir: MIGRATIONS_DIR });
  closing.push(sqlite);
  return { sqlite, apply: prepareStatements(db, sqlite) };
}

const append = (id: string, finishReason = 'stop') =>
  ({ kind: 'appendRequest', record: requestRecord(id, { finishReason }) }) as const;
const ids = (sqlite: Sqlite.Database) => sqlite.prepare('select request_id from requests').pluck().all();

test('commitGroup() commits the good neighbours of a bad statement in one transaction', () => {
  const { sqlite, apply } = openSubject();
  const bad = { kind: 'appendRequest', record: requestRecord('bad', { totalMs: Number.NaN }) } as const;
  const outcome = commitGroup(sqlite, [append('a'), bad, append('b')], apply);
  expect(outcome).toMatchObject({ commits: 1, failures: [{ index: 1, code: 'SQLITE_CONSTRAINT_NOTNULL' }] });
  expect(outcome.failures[0]?.message).toBe('NOT NULL constraint failed: requests.total_ms');
  expect(ids(sqlite)).toEqual(['a', 'b']);
});

test('commitGroup() tells for each command whether it is on disk when the disk is full', () => {
  const { sqlite, apply } = openSubject();
  const pages = sqlite.pragma('page_count', { simple: true }) as number;
  sqlite.pragma(`max_page_count = ${pages + 2}`);
  const commands = [append('small'), append('huge', 'x'.repeat(100_000)), append('small too')];
  const { failures } = commitGroup(sqlite, commands, apply);
  expect(failures).toMatchObject([{ index: 1, code: 'SQLITE_FULL' }]);
  expect(ids(sqlite)).toEqual(['small', 'small too']);
});

test('commitGroup() fails every command and stays usable when another process holds the lock', () => {
  const { sqlite, apply } = openSubject();
  sqlite.pragma('busy_timeout = 0');
  const other = new Sqlite(sqlite.name);
  closing.push(other);
  other.exec('begin immediate');
  const { failures } = commitGroup(sqlite, [append('a'), append('b')], apply);
  expect(failures.map(({ code }) => code)).toEqual(['SQLITE_BUSY', 'SQLITE_BUSY']);
  other.exec('rollback');
  expect(commitGroup(sqlite, [append('a'), append('b')], apply).failures).toEqual([]);
});

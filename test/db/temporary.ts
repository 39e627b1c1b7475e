import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { type Database, type DatabaseOptions, openDatabase } from '../../db/openDatabase.ts';
import { bundleDb } from '../../scripts/bundle-db.mjs';

export const ROOT = resolve(import.meta.dirname, '../..');
export const MIGRATIONS_DIR = join(ROOT, 'migrations');
export const WORKER_DIR = join(ROOT, 'dist');

/** A directory of the calling test file, removed after its tests; real databases in it, closed after each test. */
export function useTemporaryDatabases() {
  const opened: Database[] = [];
  let directory = '';
  let made = 0;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hearth-test-'));
    await bundleDb({ root: ROOT });
  });
  afterEach(async () => {
    for (const database of opened.splice(0)) await database.close();
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const newPath = () => join(directory, `${made++}.db`);
  return {
    newPath,
    async open(options: Partial<DatabaseOptions> = {}): Promise<Database> {
      const database = await openDatabase({
        path: newPath(),
        migrationsDir: MIGRATIONS_DIR,
        workerDir: WORKER_DIR,
        ...options,
      });
      opened.push(database);
      return database;
    },
  };
}

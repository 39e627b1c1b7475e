import Sqlite from 'better-sqlite3';
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3';
import { openError } from '../openErrors.ts';
import type { WriterOptions } from './commands.ts';
import { migrate } from './migrate.ts';

/** How long a write waits for another process's lock (a backup, a person with the sqlite3 shell). */
const BUSY_TIMEOUT_MS = 5000;

export interface OpenedWriter {
  readonly sqlite: Sqlite.Database;
  readonly db: BetterSQLite3Database;
}

/**
 * Opens the one writing connection and migrates. `synchronous=FULL` in WAL mode: a commit returns after an fsync
 * (sqlite.org/pragma.html#pragma_synchronous). Throws one sentence that names the path.
 */
export function openWriter({ path, migrationsDir }: WriterOptions): OpenedWriter {
  let sqlite: Sqlite.Database | undefined;
  try {
    sqlite = new Sqlite(path, { timeout: BUSY_TIMEOUT_MS });
    sqlite.pragma('journal_mode = WAL');
    sqlite.pragma('synchronous = FULL');
    const db = drizzle(sqlite);
    // A migration may rebuild a table, which foreign keys would turn into a cascade.
    sqlite.pragma('foreign_keys = OFF');
    migrate(sqlite, db, migrationsDir);
    sqlite.pragma('foreign_keys = ON');
    return { sqlite, db };
  } catch (cause) {
    sqlite?.close();
    throw openError(path, cause);
  }
}

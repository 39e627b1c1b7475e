import type Sqlite from 'better-sqlite3';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import { migrate as applyMigrations } from 'drizzle-orm/better-sqlite3/migrator';
import { readMigrationFiles } from 'drizzle-orm/migrator';

const TABLE = '__drizzle_migrations';

/**
 * Brings the database to this code's schema, in one transaction. A database that holds a migration which this code
 * does not know was written by a newer one: it is refused untouched.
 */
export function migrate(sqlite: Sqlite.Database, db: BetterSQLite3Database, migrationsDir: string): void {
  const known = new Set(readMigrationFiles({ migrationsFolder: migrationsDir }).map(({ hash }) => hash));
  const unknown = appliedHashes(sqlite).filter((hash) => !known.has(hash));
  if (unknown.length > 0) {
    throw new Error(
      `it is newer than this version of Hearth: expected at most ${known.size} migrations, got ${unknown.length} unknown ones`,
    );
  }
  applyMigrations(db, { migrationsFolder: migrationsDir });
}

function appliedHashes(sqlite: Sqlite.Database): string[] {
  const table = sqlite.prepare('select 1 from sqlite_master where type = ? and name = ?').get('table', TABLE);
  if (!table) return [];
  return sqlite.prepare<[], string>(`select hash from ${TABLE}`).pluck().all();
}

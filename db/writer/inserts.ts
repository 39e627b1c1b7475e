import { getTableColumns, type SQL, sql } from 'drizzle-orm';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import type { SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core';

/** An insert of every column but the omitted ones, each from the parameter that has its property's name. */
export function insertInto<T extends SQLiteTable>(db: BetterSQLite3Database, table: T, omit: string[] = []) {
  const names = Object.keys(getTableColumns(table)).filter((name) => !omit.includes(name));
  const values = Object.fromEntries(names.map((name) => [name, sql.placeholder(name)]));
  // drizzle takes a placeholder wherever it takes a value, but only types it for literal objects.
  return db.insert(table).values(values as never);
}

/** The same, and a row that is already there under the key takes all the new values. */
export function upsert<T extends SQLiteTable>(db: BetterSQLite3Database, table: T, key: SQLiteColumn) {
  const columns = Object.entries(getTableColumns(table) as Record<string, SQLiteColumn>);
  const set: Record<string, SQL> = {};
  for (const [name, column] of columns) {
    if (column !== key) set[name] = sql`excluded.${sql.identifier(column.name)}`;
  }
  return insertInto(db, table).onConflictDoUpdate({ target: key, set });
}

import type Sqlite from 'better-sqlite3';

/**
 * Removes requests by their ids, with their admissions (which would seem unsettled without them), keys and corrections,
 * inside the transaction that is open.
 */
export function prepareRemoval(sqlite: Sqlite.Database): (requestIds: readonly string[]) => void {
  const tables = ['admissions', 'idempotency_keys', 'corrections', 'requests'].map((table) =>
    sqlite.prepare(`delete from ${table} where request_id in (select value from json_each(?))`),
  );
  return sqlite.transaction((requestIds: readonly string[]) => {
    const ids = JSON.stringify(requestIds);
    for (const table of tables) table.run(ids);
  });
}

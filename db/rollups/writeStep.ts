import { deserialize, serialize } from 'node:v8';
import type Sqlite from 'better-sqlite3';
import type { PackStep } from './packStep.ts';
import type { RollUpStep } from './step.ts';

/** Most old minutes, and hours, that a step removes: the request that is written next waits for it. */
const MOST_REMOVED = 500;
const MOST_PACKS_REMOVED = 10;

/** A step crosses the main thread as bytes, so that no turn of the event loop copies its cells one by one. */
export function packStep(step: RollUpStep | PackStep): Uint8Array {
  return serialize(step);
}

/**
 * Writes a packed step inside the transaction that is open: all of it or, when it throws, nothing. A step that does not
 * begin at the mark was written already, and is refused.
 */
export function prepareWriteStep(sqlite: Sqlite.Database): (packed: Uint8Array) => void {
  const mark = sqlite.prepare<[], string>('select request_id from rollup_mark where mark_id = 1').pluck();
  const move = sqlite.prepare(
    `insert into rollup_mark (mark_id, request_id, minutes_from_epoch_ms, hours_from_epoch_ms)
     values (1, :upToRequestId, :minutesFromEpochMs, :hoursFromEpochMs)
     on conflict (mark_id) do update set request_id = excluded.request_id,
       minutes_from_epoch_ms = excluded.minutes_from_epoch_ms, hours_from_epoch_ms = excluded.hours_from_epoch_ms`,
  );
  const addSeries = sqlite.prepare(
    'insert into rollup_series (cube, values_json) values (:cube, :valuesJson) on conflict do nothing',
  );
  const putCell = sqlite.prepare(
    `insert into rollup_cells (grain, cube, bucket_epoch_ms, series_id, data)
     select :grain, :cube, :bucketEpochMs, series_id, :data
     from rollup_series where cube = :cube and values_json = :valuesJson
     on conflict (grain, cube, bucket_epoch_ms, series_id) do update set data = excluded.data`,
  );
  const removeOldest = (table: string, most: number) =>
    sqlite.prepare<[string, number]>(
      `delete from ${table} where rowid in
         (select rowid from ${table} where grain = ? and bucket_epoch_ms < ? limit ${most})`,
    );
  const removeOld = removeOldest('rollup_cells', MOST_REMOVED);
  const removeOldPacks = removeOldest('rollup_packs', MOST_PACKS_REMOVED);
  // Inside an open transaction better-sqlite3 makes a savepoint of it.
  const write = sqlite.transaction((step: RollUpStep) => {
    if ((mark.get() ?? null) !== step.afterRequestId) throw new Error('the roll-ups are past this step');
    for (const cell of step.cells) {
      addSeries.run(cell);
      putCell.run(cell);
    }
    move.run(step);
    removeOld.run('minute', step.minutesFromEpochMs);
    removeOld.run('hour', step.hoursFromEpochMs);
    removeOldPacks.run('hour', step.hoursFromEpochMs);
    removeOldPacks.run('quarter', step.hoursFromEpochMs);
  });
  return (packed) => write(deserialize(packed) as RollUpStep);
}

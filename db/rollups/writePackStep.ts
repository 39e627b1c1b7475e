import { deserialize } from 'node:v8';
import type Sqlite from 'better-sqlite3';
import type { PackStep } from './packStep.ts';

/**
 * Writes a packed PackStep inside the transaction that is open: all of it or, when it throws, nothing. One whose cells may have
 * changed since they were read, or are packed already, is refused.
 */
export function prepareWritePackStep(sqlite: Sqlite.Database): (packed: Uint8Array) => void {
  const mark = sqlite.prepare<[], string>('select request_id from rollup_mark where mark_id = 1').pluck();
  const remove = sqlite.prepare(
    `delete from rollup_cells where grain = :grain and cube = :cube and bucket_epoch_ms = :bucketEpochMs
       and series_id in (select value from json_each(:series))`,
  );
  const add = sqlite.prepare(
    `insert into rollup_packs (grain, cube, bucket_epoch_ms, part, data)
     select :grain, :cube, :bucketEpochMs, coalesce(max(part), 0) + 1, :data
     from rollup_packs where grain = :grain and cube = :cube and bucket_epoch_ms = :bucketEpochMs`,
  );
  // Inside an open transaction better-sqlite3 makes a savepoint of it.
  const write = sqlite.transaction(({ atRequestId, packs, seriesIds, ...bucket }: PackStep) => {
    if (mark.get() !== atRequestId) throw new Error('the roll-ups are past these packs');
    const removed = remove.run({ ...bucket, series: JSON.stringify(seriesIds) }).changes;
    if (removed !== seriesIds.length) throw new Error('the cells of these packs are packed already');
    for (const pack of packs) add.run({ ...bucket, ...pack });
  });
  return (packed) => write(deserialize(packed) as PackStep);
}

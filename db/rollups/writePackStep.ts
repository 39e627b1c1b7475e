import { deserialize } from 'node:v8';
import type Sqlite from 'better-sqlite3';
import { WEEK_MS } from './grains.ts';
import { type PackedCube, prepareWeeksTo } from './packedCubes.ts';
import type { CellsStep, PackStep } from './packStep.ts';
import type { WeekStep } from './weekStep.ts';

type Add = (grain: 'hour' | 'day' | 'week', cube: PackedCube, bucketEpochMs: number, data: Buffer) => void;

/**
 * Writes a packed PackStep inside the transaction that is open: all of it or, when it throws, nothing. One that was written already, or
 * of what may have changed since it was read, is refused.
 */
export function prepareWritePackStep(sqlite: Sqlite.Database): (packed: Uint8Array) => void {
  const add = prepareAdd(sqlite);
  const writeCells = prepareWriteCells(sqlite, add);
  const writeWeek = prepareWriteWeek(sqlite, add);
  // Inside an open transaction better-sqlite3 makes a savepoint of it.
  const write = sqlite.transaction((step: PackStep) =>
    step.kind === 'week' ? writeWeek(step) : writeCells(step),
  );
  return (packed) => write(deserialize(packed) as PackStep);
}

function prepareAdd(sqlite: Sqlite.Database): Add {
  const add = sqlite.prepare(
    `insert into rollup_packs (grain, cube, bucket_epoch_ms, part, data)
     select :grain, :cube, :bucketEpochMs, coalesce(max(part), 0) + 1, :data
     from rollup_packs where grain = :grain and cube = :cube and bucket_epoch_ms = :bucketEpochMs`,
  );
  return (grain, cube, bucketEpochMs, data) => void add.run({ grain, cube, bucketEpochMs, data });
}

function prepareWriteCells(sqlite: Sqlite.Database, add: Add): (step: CellsStep) => void {
  const mark = sqlite.prepare<[], string>('select request_id from rollup_mark where mark_id = 1').pluck();
  const remove = sqlite.prepare(
    `delete from rollup_cells where grain = :grain and cube = :cube and bucket_epoch_ms = :bucketEpochMs
       and series_id in (select value from json_each(:series))`,
  );
  const weeksTo = prepareWeeksTo(sqlite);
  return ({ atRequestId, grain, cube, bucketEpochMs, seriesIds, packs }) => {
    if (mark.get() !== atRequestId) throw new Error('the roll-ups are past these packs');
    const removed = remove.run({ grain, cube, bucketEpochMs, series: JSON.stringify(seriesIds) }).changes;
    if (removed !== seriesIds.length) throw new Error('the cells of these packs are packed already');
    for (const pack of packs) {
      add(grain, pack.cube, bucketEpochMs, pack.data);
      // It came late: the week has been added up without it.
      if (grain === 'day' && bucketEpochMs < weeksTo(pack.cube))
        add('week', pack.cube, Math.floor(bucketEpochMs / WEEK_MS) * WEEK_MS, pack.data);
    }
  };
}

function prepareWriteWeek(sqlite: Sqlite.Database, add: Add): (step: WeekStep) => void {
  const dayPacks = sqlite
    .prepare<[PackedCube, number, number], number>(
      `select count(*) from rollup_packs where grain = 'day' and cube = ? and bucket_epoch_ms >= ? and bucket_epoch_ms < ?`,
    )
    .pluck();
  const weeksTo = prepareWeeksTo(sqlite);
  const move = sqlite.prepare<[PackedCube, number]>(
    `insert into rollup_weeks (cube, to_epoch_ms) values (?, ?)
     on conflict (cube) do update set to_epoch_ms = excluded.to_epoch_ms`,
  );
  return (step) => {
    const { cube, bucketEpochMs } = step;
    const endEpochMs = bucketEpochMs + WEEK_MS;
    const isWritten = weeksTo(cube) >= endEpochMs;
    if (isWritten || dayPacks.get(cube, bucketEpochMs, endEpochMs) !== step.dayPacks)
      throw new Error('the week is added up already, or its days have changed');
    for (const pack of step.packs) add('week', cube, bucketEpochMs, pack);
    move.run(cube, endEpochMs);
  };
}

import { deserialize } from 'node:v8';
import type Sqlite from 'better-sqlite3';
import { SUMS, type SumGrain, startOf } from './grains.ts';
import { type PackedCube, prepareSumsTo } from './packedCubes.ts';
import type { CellsStep, PackStep } from './packStep.ts';
import type { SumStep } from './sumStep.ts';

type Add = (grain: 'hour' | 'day' | SumGrain, cube: PackedCube, bucketEpochMs: number, data: Buffer) => void;

/**
 * Writes a packed PackStep inside the transaction that is open: all of it or, when it throws, nothing. One that was written already, or
 * of what may have changed since it was read, is refused.
 */
export function prepareWritePackStep(sqlite: Sqlite.Database): (packed: Uint8Array) => void {
  const add = prepareAdd(sqlite);
  const writeCells = prepareWriteCells(sqlite, add);
  const writeSum = prepareWriteSum(sqlite, add);
  // Inside an open transaction better-sqlite3 makes a savepoint of it.
  const write = sqlite.transaction((step: PackStep) =>
    step.kind === 'sum' ? writeSum(step) : writeCells(step),
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
  const sumsTo = prepareSumsTo(sqlite);
  return ({ atRequestId, grain, cube, bucketEpochMs, seriesIds, packs }) => {
    if (mark.get() !== atRequestId) throw new Error('the roll-ups are past these packs');
    const removed = remove.run({ grain, cube, bucketEpochMs, series: JSON.stringify(seriesIds) }).changes;
    if (removed !== seriesIds.length) throw new Error('the cells of these packs are packed already');
    const sum = grain === 'day' ? 'week' : 'quarter';
    for (const pack of packs) {
      add(grain, pack.cube, bucketEpochMs, pack.data);
      // It came late: the sum was made without it.
      if (bucketEpochMs < sumsTo(sum, pack.cube)) add(sum, pack.cube, startOf(bucketEpochMs, sum), pack.data);
    }
  };
}

function prepareWriteSum(sqlite: Sqlite.Database, add: Add): (step: SumStep) => void {
  const summands = sqlite
    .prepare<[string, PackedCube, number, number], number>(
      `select count(*) from rollup_packs where grain = ? and cube = ? and bucket_epoch_ms >= ? and bucket_epoch_ms < ?`,
    )
    .pluck();
  const sumsTo = prepareSumsTo(sqlite);
  const move = sqlite.prepare<[SumGrain, PackedCube, number]>(
    `insert into rollup_sums (grain, cube, to_epoch_ms) values (?, ?, ?)
     on conflict (grain, cube) do update set to_epoch_ms = excluded.to_epoch_ms`,
  );
  return (step) => {
    const { grain, cube, bucketEpochMs } = step;
    const { of, lengthMs } = SUMS[grain];
    const end = bucketEpochMs + lengthMs;
    const isWritten = sumsTo(grain, cube) >= end;
    if (isWritten || summands.get(of, cube, bucketEpochMs, end) !== step.summands)
      throw new Error('the sum is written already, or its summands have changed');
    for (const pack of step.packs) add(grain, cube, bucketEpochMs, pack);
    move.run(grain, cube, end);
  };
}

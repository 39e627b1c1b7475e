import type Sqlite from 'better-sqlite3';
import type { Cube } from '../../gateway/domain/reportFigures.ts';
import { Cell } from './cell.ts';
import { WEEK_MS } from './grains.ts';
import { eachLine, packOf } from './pack.ts';
import { PACKED_CUBES, type PackedCube, prepareWeeksTo } from './packedCubes.ts';

/** Lines of one pack of a week. */
const PACK_LINES = 256;

/** The days of a week added up, in one transaction. */
export interface WeekStep {
  readonly kind: 'week';
  readonly cube: PackedCube;
  readonly bucketEpochMs: number;
  /** How many packs of days it is the sum of; when there are others it is not written. */
  readonly dayPacks: number;
  readonly packs: readonly Buffer[];
}

/** The next week that ends by then and all of whose cells are packed; null: there is none. */
export type NextWeekStep = (untilEpochMs: number) => WeekStep | null;

export function prepareNextWeekStep(sqlite: Sqlite.Database): NextWeekStep {
  const weeksTo = prepareWeeksTo(sqlite);
  const firstDay = sqlite
    .prepare<[PackedCube, number], number>(
      `select bucket_epoch_ms from rollup_packs where grain = 'day' and cube = ? and bucket_epoch_ms >= ?
       order by bucket_epoch_ms limit 1`,
    )
    .pluck();
  const isUnpacked = sqlite
    .prepare<[Cube, number, number], 1>(
      `select 1 from rollup_cells where grain = 'day' and cube = ? and bucket_epoch_ms >= ? and bucket_epoch_ms < ?
       limit 1`,
    )
    .pluck();
  const days = sqlite
    .prepare<[PackedCube, number, number], Buffer>(
      `select data from rollup_packs where grain = 'day' and cube = ? and bucket_epoch_ms >= ? and bucket_epoch_ms < ?`,
    )
    .pluck();
  return (untilEpochMs) => {
    for (const cube of PACKED_CUBES) {
      const day = firstDay.get(cube, Math.max(weeksTo(cube), 0));
      if (day === undefined) continue;
      const bucketEpochMs = Math.floor(day / WEEK_MS) * WEEK_MS;
      const endEpochMs = bucketEpochMs + WEEK_MS;
      if (endEpochMs > untilEpochMs || isUnpacked.get(sourceOf(cube), bucketEpochMs, endEpochMs)) continue;
      const packs = days.all(cube, bucketEpochMs, endEpochMs);
      return { kind: 'week', cube, bucketEpochMs, dayPacks: packs.length, packs: sumOf(packs) };
    }
    return null;
  };
}

function sourceOf(cube: PackedCube): Cube {
  return cube === 'latencyOverall' ? 'latency' : cube;
}

function sumOf(packs: readonly Buffer[]): Buffer[] {
  const sums = new Map<number, Cell>();
  for (const pack of packs) {
    eachLine(pack, (seriesId, data) => {
      const cell = sums.get(seriesId) ?? new Cell();
      sums.set(seriesId, cell);
      cell.addEncoded(data);
    });
  }
  const lines = [...sums].map(([seriesId, cell]) => [seriesId, cell.encode()] as const);
  return Array.from({ length: Math.ceil(lines.length / PACK_LINES) }, (_, index) =>
    packOf(lines.slice(index * PACK_LINES, (index + 1) * PACK_LINES)),
  );
}

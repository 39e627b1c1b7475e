import type Sqlite from 'better-sqlite3';
import type { Cube } from '../../gateway/domain/reportFigures.ts';
import { Cell } from './cell.ts';
import { SUMS, type SumGrain, startOf } from './grains.ts';
import { eachLine, packOf } from './pack.ts';
import { PACKED_CUBES, type PackedCube, prepareSumsTo } from './packedCubes.ts';

/** Lines of one pack of sums. */
const PACK_LINES = 256;

/** The hours of a quarter of a day, or the days of a week, added up, in one transaction. */
export interface SumStep {
  readonly kind: 'sum';
  readonly grain: SumGrain;
  readonly cube: PackedCube;
  readonly bucketEpochMs: number;
  /** How many packs of hours, or days, it is the sum of; when there are others it is not written. */
  readonly summands: number;
  readonly packs: readonly Buffer[];
}

/** The next one of what ends by then and is packed; null: there is none. */
export type NextSumStep = (untilEpochMs: number) => SumStep | null;

export function prepareNextSumStep(sqlite: Sqlite.Database): NextSumStep {
  const sumsTo = prepareSumsTo(sqlite);
  const first = sqlite
    .prepare<[string, PackedCube, number], number>(
      `select bucket_epoch_ms from rollup_packs where grain = ? and cube = ? and bucket_epoch_ms >= ?
       order by bucket_epoch_ms limit 1`,
    )
    .pluck();
  const isUnpacked = sqlite
    .prepare<[string, Cube, number, number], 1>(
      `select 1 from rollup_cells where grain = ? and cube = ? and bucket_epoch_ms >= ? and bucket_epoch_ms < ?
       limit 1`,
    )
    .pluck();
  const summands = sqlite
    .prepare<[string, PackedCube, number, number], Buffer>(
      `select data from rollup_packs where grain = ? and cube = ? and bucket_epoch_ms >= ? and bucket_epoch_ms < ?`,
    )
    .pluck();
  const next = (grain: SumGrain, cube: PackedCube, untilEpochMs: number): SumStep | null => {
    const { of, lengthMs } = SUMS[grain];
    const from = first.get(of, cube, Math.max(sumsTo(grain, cube), 0));
    if (from === undefined) return null;
    const bucketEpochMs = startOf(from, grain);
    const end = bucketEpochMs + lengthMs;
    if (end > untilEpochMs || isUnpacked.get(of, sourceOf(cube), bucketEpochMs, end)) return null;
    const packs = summands.all(of, cube, bucketEpochMs, end);
    return { kind: 'sum', grain, cube, bucketEpochMs, summands: packs.length, packs: sumOf(packs) };
  };
  return (untilEpochMs) => {
    for (const grain of ['quarter', 'week'] as const) {
      for (const cube of PACKED_CUBES) {
        const step = next(grain, cube, untilEpochMs);
        if (step) return step;
      }
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

import type Sqlite from 'better-sqlite3';
import { CUBES, type Dimension, type GroupQuery } from '../../gateway/domain/reportFigures.ts';
import { CUBE_NAMES, type SeriesValue } from './cubes.ts';
import type { SumGrain } from './grains.ts';

/**
 * What packs are kept of: the cubes, and `latency` without its combos and bases. There a line stands for all that are equal in
 * the other dimensions, under the lowest of their ids.
 */
export const PACKED_CUBES = [...CUBE_NAMES, 'latencyOverall'] as const;
export type PackedCube = (typeof PACKED_CUBES)[number];

const OVERALL: readonly Dimension[] = ['endpoint', 'start_kind', 'joined', 'hour', 'day'];

/** The smallest that tells apart what the query does. */
export function packedFor({ cube, combo, groupBy }: GroupQuery): PackedCube {
  const isOverall = cube === 'latency' && combo === null && groupBy.every((name) => OVERALL.includes(name));
  return isOverall ? 'latencyOverall' : cube;
}

/** The end of the last sum that is kept of a cube. */
export function prepareSumsTo(sqlite: Sqlite.Database): (grain: SumGrain, cube: PackedCube) => number {
  const read = sqlite
    .prepare<[SumGrain, PackedCube], number>(
      'select to_epoch_ms from rollup_sums where grain = ? and cube = ?',
    )
    .pluck();
  return (grain, cube) => read.get(grain, cube) ?? -Infinity;
}

/** Equal for lines of `latency` that are one in `latencyOverall`. */
export function overallKey(values: readonly SeriesValue[]): string {
  return JSON.stringify(values.filter((_, at) => OVERALL.includes(CUBES.latency[at] ?? 'combo')));
}

import { CUBES, type Cube, type Dimension, type GroupQuery } from '../../gateway/domain/reportFigures.ts';
import type { SeriesValue } from './cubes.ts';

/**
 * What packs are kept of: the cubes, and `latency` without its combos and bases. There a line stands for all that are equal in
 * the other dimensions, under the lowest of their ids.
 */
export type PackedCube = Cube | 'latencyOverall';

const OVERALL: readonly Dimension[] = ['endpoint', 'start_kind', 'joined', 'hour', 'day'];

/** The smallest that tells apart what the query does. */
export function packedFor({ cube, combo, groupBy }: GroupQuery): PackedCube {
  const isOverall = cube === 'latency' && combo === null && groupBy.every((name) => OVERALL.includes(name));
  return isOverall ? 'latencyOverall' : cube;
}

/** Equal for lines of `latency` that are one in `latencyOverall`. */
export function overallKey(values: readonly SeriesValue[]): string {
  return JSON.stringify(values.filter((_, at) => OVERALL.includes(CUBES.latency[at] ?? 'combo')));
}

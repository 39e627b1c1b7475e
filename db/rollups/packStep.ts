import type Sqlite from 'better-sqlite3';
import type { Cube } from '../../gateway/domain/reportFigures.ts';
import { ByteReader } from './bytes.ts';
import { Cell } from './cell.ts';
import { CUBE_NAMES, type SeriesValue } from './cubes.ts';
import { GRAIN_MS } from './grains.ts';
import { packOf } from './pack.ts';
import { overallKey, type PackedCube } from './packedCubes.ts';
import { prepareNextSumStep, type SumStep } from './sumStep.ts';

/** From the end of a bucket until it is packed: most requests that arrived in it have ended by then. */
const REST_MS = GRAIN_MS.hour;
/** Most cells of a pack, and bytes after which no more are taken: the request that is written next waits for it. */
const MOST_CELLS = 256;
const ENOUGH_BYTES = 256 * 1024;

/** Cells that become packs, in one transaction. */
export interface CellsStep {
  readonly kind: 'cells';
  /** The mark at which they were read; with another one they may have changed. */
  readonly atRequestId: string;
  readonly grain: 'hour' | 'day';
  readonly cube: Cube;
  readonly bucketEpochMs: number;
  /** Lines of the cells that the packs take the place of. */
  readonly seriesIds: readonly number[];
  readonly packs: readonly { readonly cube: PackedCube; readonly data: Buffer }[];
}

export type PackStep = CellsStep | SumStep;

/** Makes the next step; null: all hours and days that are over are packed, and all sums of them made. */
export type NextPackStep = (nowEpochMs: number) => PackStep | null;

interface Line {
  readonly seriesId: number;
  readonly valuesJson: string;
  readonly data: Buffer;
}

export function prepareNextPackStep(sqlite: Sqlite.Database): NextPackStep {
  const marked = sqlite.prepare<[], { requestId: string; arrivedAtEpochMs: number }>(
    `select request_id as requestId, arrived_at_epoch_ms as arrivedAtEpochMs
     from rollup_mark join requests using (request_id)`,
  );
  const oldest = sqlite
    .prepare<[string, Cube, number], number>(
      `select bucket_epoch_ms from rollup_cells where grain = ? and cube = ? and bucket_epoch_ms <= ?
       order by bucket_epoch_ms limit 1`,
    )
    .pluck();
  const lines = sqlite.prepare<[string, Cube, number], Line>(
    `select series_id as seriesId, values_json as valuesJson, data
     from rollup_cells c join rollup_series using (series_id)
     where grain = ? and c.cube = ? and bucket_epoch_ms = ? order by series_id limit ${MOST_CELLS}`,
  );
  const nextSum = prepareNextSumStep(sqlite);
  return sqlite.transaction((nowEpochMs: number): PackStep | null => {
    const mark = marked.get();
    if (!mark) return null;
    const until = Math.min(nowEpochMs, mark.arrivedAtEpochMs) - REST_MS;
    for (const grain of ['hour', 'day'] as const) {
      for (const cube of CUBE_NAMES) {
        const bucketEpochMs = oldest.get(grain, cube, until - GRAIN_MS[grain]);
        if (bucketEpochMs === undefined) continue;
        const taken = enough(lines.all(grain, cube, bucketEpochMs));
        const seriesIds = taken.map(({ seriesId }) => seriesId);
        return {
          kind: 'cells',
          atRequestId: mark.requestId,
          grain,
          cube,
          bucketEpochMs,
          seriesIds,
          packs: packsOf(cube, taken),
        };
      }
    }
    return nextSum(until);
  });
}

function enough(lines: readonly Line[]): Line[] {
  let bytes = 0;
  return lines.filter(({ data }) => {
    const isTaken = bytes < ENOUGH_BYTES;
    bytes += data.length;
    return isTaken;
  });
}

function packsOf(cube: Cube, lines: readonly Line[]): CellsStep['packs'] {
  const own = packOf(lines.map(({ seriesId, data }) => [seriesId, data] as const));
  return [{ cube, data: own }, ...(cube === 'latency' ? [overallOf(lines)] : [])];
}

/** `lines` by rising id. */
function overallOf(lines: readonly Line[]): CellsStep['packs'][number] {
  const overall = new Map<string, { readonly seriesId: number; readonly cell: Cell }>();
  for (const { seriesId, valuesJson, data } of lines) {
    const key = overallKey(JSON.parse(valuesJson) as SeriesValue[]);
    const line = overall.get(key) ?? { seriesId, cell: new Cell() };
    overall.set(key, line);
    line.cell.addEncoded(new ByteReader(data));
  }
  const sums = [...overall.values()].map(({ seriesId, cell }) => [seriesId, cell.encode()] as const);
  return { cube: 'latencyOverall', data: packOf(sums) };
}

import type Sqlite from 'better-sqlite3';
import { CUBES, type Cube, type Dimension, type GroupQuery } from '../../gateway/domain/reportFigures.ts';
import { OTHER_COMBOS, type SeriesValue } from './cubes.ts';
import { type Grain, isSum, type Piece, SUMS } from './grains.ts';
import { columnsOf, type LedgerRow, MARKED_ROWID } from './ledgerRow.ts';
import { type PackedCube, packedFor, prepareSumsTo } from './packedCubes.ts';

/** Past every time that a row can have. */
const END_OF_TIME = Number.MAX_SAFE_INTEGER;

export type SeriesById = ReadonlyMap<number, readonly SeriesValue[]>;

/** A cell of a line, or, with null for it, a pack of cells. */
export type StoredCells = [bucketEpochMs: number, seriesId: number | null, data: Buffer];

interface RowRange {
  readonly mark: string | null;
  readonly from: number;
  readonly to: number;
}

interface CellRange {
  readonly grain: Grain;
  readonly packedGrain: Piece['of'];
  readonly cube: Cube;
  readonly packed: PackedCube;
  readonly from: number;
  readonly to: number;
  /** JSON array of the lines that are wanted. */
  readonly series: string;
}

/** What reports are read from. */
export function prepareSources(sqlite: Sqlite.Database) {
  const series = sqlite.prepare<[Cube], { id: number; valuesJson: string }>(
    'select series_id as id, values_json as valuesJson from rollup_series where cube = ?',
  );
  const other = sqlite
    .prepare<[Cube, string, string], number>(
      'select exists (select 1 from rollup_series where cube = ? and json_extract(values_json, ?) = ?)',
    )
    .pluck();
  const cells = prepareCells(sqlite);
  const rows = prepareRows(sqlite);
  const sumsTo = prepareSumsTo(sqlite);
  const end = (to: number) => (to === Infinity ? END_OF_TIME : to);
  return {
    /** Those that the query asks for. */
    series({ cube, combo }: GroupQuery): SeriesById {
      const at = (CUBES[cube] as readonly Dimension[]).indexOf('combo');
      const known = series.all(cube).map(({ id, valuesJson }) => [id, JSON.parse(valuesJson)] as const);
      return new Map(combo === null ? known : known.filter(([, values]) => values[at] === combo));
    },
    hasOtherCombos({ cube }: GroupQuery): boolean {
      const at = (CUBES[cube] as readonly Dimension[]).indexOf('combo');
      return at >= 0 && other.get(cube, `$[${at}]`, OTHER_COMBOS) === 1;
    },
    sumsTo: (query: GroupQuery) => ({
      quarter: sumsTo('quarter', packedFor(query)),
      week: sumsTo('week', packedFor(query)),
    }),
    /** The oldest bucket first. */
    cells(query: GroupQuery, { of, fromEpochMs, toEpochMs }: Piece, chosen: SeriesById) {
      const { cube, combo } = query;
      return (combo === null ? cells.all : cells.some).iterate({
        // What has come late to a sum is in cells of its summands, and in packs of them and of the sum later.
        grain: isSum(of) ? SUMS[of].of : (of as Grain),
        packedGrain: of,
        cube,
        packed: packedFor(query),
        from: fromEpochMs,
        to: end(toEpochMs),
        series: combo === null ? '' : JSON.stringify([...chosen.keys()]),
      });
    },
    /** The oldest first. */
    rowsUpTo: ({ cube }: GroupQuery, mark: string, { fromEpochMs: from, toEpochMs: to }: Piece) =>
      named(columnsOf(cube), rows[cube].upTo.iterate({ mark, from, to: end(to) })),
    rowsAfter: ({ cube }: GroupQuery, mark: string | null, from: number, to: number) =>
      named(columnsOf(cube), rows[cube].after.iterate({ mark, from, to: end(to) })),
  };
}

function prepareCells(sqlite: Sqlite.Database) {
  const from = (table: string, column: string, grain: string, cube: string, more: string) =>
    `select bucket_epoch_ms, ${column}, data from ${table}
     where grain = ${grain} and cube = ${cube} and bucket_epoch_ms >= :from and bucket_epoch_ms < :to ${more}`;
  const prepare = (more: string) =>
    sqlite
      .prepare<CellRange, StoredCells>(
        `${from('rollup_cells', 'series_id', ':grain', ':cube', more)}
         union all ${from('rollup_packs', 'null', ':packedGrain', ':packed', '')} order by 1`,
      )
      .raw();
  return { all: prepare(''), some: prepare('and series_id in (select value from json_each(:series))') };
}

function prepareRows(sqlite: Sqlite.Database) {
  const prepare = (cube: Cube) => {
    const from = (where: string) =>
      sqlite
        .prepare<RowRange, unknown[]>(`select ${columnsOf(cube).join(', ')} from requests ${where}`)
        .raw();
    // A plus keeps an index from being used for that term: each read has one right way.
    return {
      upTo: from(
        `indexed by requests_by_arrival where arrived_at_epoch_ms >= :from and arrived_at_epoch_ms < :to
           and +rowid <= ${MARKED_ROWID} order by arrived_at_epoch_ms`,
      ),
      after: from(
        `where rowid > ${MARKED_ROWID} and +arrived_at_epoch_ms >= :from and +arrived_at_epoch_ms < :to`,
      ),
    };
  };
  return {
    latency: prepare('latency'),
    keyLatency: prepare('keyLatency'),
    starts: prepare('starts'),
    usage: prepare('usage'),
  };
}

/** Objects by hand: better-sqlite3's own take twice as long as the rows themselves. */
function* named(columns: readonly string[], rows: Iterable<readonly unknown[]>): Generator<LedgerRow> {
  for (const values of rows) {
    const row: Record<string, unknown> = {};
    for (let at = 0; at < columns.length; at += 1) row[columns[at] ?? ''] = values[at];
    // The columns of the cube; what it looks at.
    yield row as unknown as LedgerRow;
  }
}

import type Sqlite from 'better-sqlite3';
import {
  CUBES,
  type Cube,
  type Dimension,
  type DimensionValue,
  type GroupQuery,
  MOST_GROUPS,
  type ReportGroup,
} from '../../gateway/domain/reportFigures.ts';
import { ByteReader } from './bytes.ts';
import { Cell } from './cell.ts';
import { factsOf, isIn, type SeriesValue, valuesOf } from './cubes.ts';
import { bucketOf, type Grain, type Piece, piecesOf } from './grains.ts';
import { LEDGER_COLUMNS, type LedgerRow, MARKED_ROWID } from './ledgerRow.ts';
import { prepareMark } from './step.ts';

/** Past every time that a row can have. */
const END_OF_TIME = Number.MAX_SAFE_INTEGER;

class TooManyGroups extends Error {}

/** ports/reportReads.ts, `groups`: whole buckets, what they leave over, and the rows after the mark, of one moment. */
export function prepareGroups(sqlite: Sqlite.Database): (query: GroupQuery) => ReportGroup[] | null {
  const markOf = prepareMark(sqlite);
  const sources = prepareSources(sqlite);
  const read = sqlite.transaction((query: GroupQuery): ReportGroup[] => {
    const groups = new Groups(query);
    const mark = markOf();
    const coarsest = query.groupBy.includes('hour') ? 'hour' : 'day';
    const from = query.fromEpochMs;
    const to = query.toEpochMs ?? Infinity;
    if (mark.requestId !== null) {
      const series = sources.series(query);
      for (const piece of piecesOf(from, to, mark, coarsest)) {
        if (piece.of !== 'rows') sources.eachCell(query, piece, series, groups);
        else for (const row of sources.rowsUpTo(mark.requestId, piece)) groups.addRow(row);
      }
    }
    for (const row of sources.rowsAfter(mark.requestId, from, to)) groups.addRow(row);
    return groups.all();
  });
  return (query) => {
    try {
      return read(query);
    } catch (error) {
      if (error instanceof TooManyGroups) return null;
      throw error;
    }
  };
}

type SeriesById = ReadonlyMap<number, readonly SeriesValue[]>;

function prepareSources(sqlite: Sqlite.Database) {
  const series = sqlite.prepare<[Cube], { id: number; valuesJson: string }>(
    'select series_id as id, values_json as valuesJson from rollup_series where cube = ?',
  );
  const cells = sqlite
    .prepare<[Grain, Cube, number, number], [number, number, Buffer]>(
      `select series_id, bucket_epoch_ms, data from rollup_cells
       where grain = ? and cube = ? and bucket_epoch_ms >= ? and bucket_epoch_ms < ?`,
    )
    .raw();
  const cellsOf = sqlite
    .prepare<[Grain, Cube, number, number, string], [number, number, Buffer]>(
      `select series_id, bucket_epoch_ms, data from rollup_cells
       where grain = ? and cube = ? and bucket_epoch_ms >= ? and bucket_epoch_ms < ?
         and series_id in (select value from json_each(?))`,
    )
    .raw();
  const rows = (where: string) =>
    sqlite.prepare<{ mark: string | null; from: number; to: number }, LedgerRow>(
      `select ${LEDGER_COLUMNS} from requests ${where}`,
    );
  // A plus keeps an index from being used for that term: each read has one right way.
  const upTo = rows(
    `indexed by requests_by_arrival
     where arrived_at_epoch_ms >= :from and arrived_at_epoch_ms < :to and +rowid <= ${MARKED_ROWID}`,
  );
  const after = rows(
    `where rowid > ${MARKED_ROWID} and +arrived_at_epoch_ms >= :from and +arrived_at_epoch_ms < :to`,
  );
  const end = (to: number) => (to === Infinity ? END_OF_TIME : to);
  return {
    /** Those that the query asks for. */
    series({ cube, combo }: GroupQuery): SeriesById {
      const at = (CUBES[cube] as readonly Dimension[]).indexOf('combo');
      const known = series.all(cube).map(({ id, valuesJson }) => [id, JSON.parse(valuesJson)] as const);
      return new Map(combo === null ? known : known.filter(([, values]) => values[at] === combo));
    },
    eachCell({ cube, combo }: GroupQuery, piece: Piece, chosen: SeriesById, groups: Groups): void {
      const { fromEpochMs: from, toEpochMs: to } = piece;
      const range = [piece.of as Grain, cube, from, end(to)] as const;
      const found =
        combo === null
          ? cells.iterate(...range)
          : cellsOf.iterate(...range, JSON.stringify([...chosen.keys()]));
      for (const [id, bucketEpochMs, data] of found) {
        const values = chosen.get(id);
        if (values) groups.addCell(id, values, bucketEpochMs, data);
      }
    },
    rowsUpTo: (mark: string, { fromEpochMs: from, toEpochMs: to }: Piece) =>
      upTo.iterate({ mark, from, to: end(to) }),
    rowsAfter: (mark: string | null, from: number, to: number) => after.iterate({ mark, from, to: end(to) }),
  };
}

/** Cells by what the query tells apart. */
class Groups {
  readonly #query: GroupQuery;
  readonly #places: readonly number[];
  readonly #byTime: Grain | null;
  readonly #groups = new Map<string, { readonly by: ReportGroup['by']; readonly cell: Cell }>();
  /** Most buckets follow one another by the same lines: a line's group is found by number. */
  readonly #groupOfSeries = new Map<string | number, Cell>();

  constructor(query: GroupQuery) {
    this.#query = query;
    const dimensions: readonly Dimension[] = CUBES[query.cube];
    this.#places = query.groupBy.map((dimension) => dimensions.indexOf(dimension));
    this.#byTime = timeOf(query.groupBy);
  }

  addCell(seriesId: number, values: readonly SeriesValue[], bucketEpochMs: number, data: Buffer): void {
    const known = this.#byTime ? `${seriesId} ${bucketOf(bucketEpochMs, this.#byTime)}` : seriesId;
    let cell = this.#groupOfSeries.get(known);
    if (!cell) {
      cell = this.#cellOf(values, bucketEpochMs);
      this.#groupOfSeries.set(known, cell);
    }
    cell.addEncoded(new ByteReader(data));
  }

  addRow(row: LedgerRow): void {
    const { cube, combo } = this.#query;
    if (!isIn(cube, row) || (combo !== null && row.combo !== combo)) return;
    this.#cellOf(valuesOf(cube, row), row.arrived_at_epoch_ms).add(factsOf(cube, row));
  }

  all(): ReportGroup[] {
    return [...this.#groups.values()].map(({ by, cell }) => ({
      by,
      counters: cell.counters(),
      measures: cell.measures(),
    }));
  }

  #cellOf(values: readonly SeriesValue[], atEpochMs: number): Cell {
    const by = this.#query.groupBy.map((dimension, index): DimensionValue => {
      if (dimension === 'hour' || dimension === 'day') return bucketOf(atEpochMs, dimension);
      return values[this.#places[index] ?? -1] ?? null;
    });
    const key = JSON.stringify(by);
    const found = this.#groups.get(key);
    if (found) return found.cell;
    if (this.#groups.size >= MOST_GROUPS) throw new TooManyGroups('more groups than a report may have');
    const names = this.#query.groupBy.map((dimension, index) => [dimension, by[index]]);
    const made = { by: Object.fromEntries(names) as ReportGroup['by'], cell: new Cell() };
    this.#groups.set(key, made);
    return made.cell;
  }
}

/** The finer of the times that are told apart. */
function timeOf(groupBy: readonly Dimension[]): Grain | null {
  if (groupBy.includes('hour')) return 'hour';
  return groupBy.includes('day') ? 'day' : null;
}

import type Sqlite from 'better-sqlite3';
import { CUBES, type Cube } from '../../gateway/domain/reportFigures.ts';
import { ByteReader } from './bytes.ts';
import { Cell, Facts } from './cell.ts';
import { CUBE_NAMES, isIn, OTHER_COMBOS, tellFacts, valuesOf } from './cubes.ts';
import { bucketOf, GRAINS, type Grain, KEPT_MS, type Kept } from './grains.ts';
import { LEDGER_COLUMNS, type LedgerRow, MARKED_ROWID } from './ledgerRow.ts';
import { eachLine } from './pack.ts';

/** Most lines that a cube gets on one day: clients choose the scales of adapters, and so names of combos. */
const MOST_SERIES_A_DAY = 5000;

export interface StepCell {
  readonly grain: Grain;
  readonly cube: Cube;
  readonly bucketEpochMs: number;
  readonly valuesJson: string;
  /** All of it: it takes the place of what is there. */
  readonly data: Buffer;
}

/** What has to be written, in one transaction, so that some more rows are in the roll-ups. */
export interface RollUpStep extends Kept {
  /** The mark that it begins at; with another one it must not be written. */
  readonly afterRequestId: string | null;
  readonly upToRequestId: string;
  readonly rows: number;
  readonly cells: readonly StepCell[];
}

interface Mark extends Kept {
  readonly requestId: string | null;
}

/** Makes the next step of at most `mostRows`; null: everything is rolled up. */
export type NextStep = (mostRows: number, nowEpochMs: number) => RollUpStep | null;

export function prepareNextStep(sqlite: Sqlite.Database): NextStep {
  const markOf = prepareMark(sqlite);
  const rowsAfter = sqlite.prepare<{ mark: string | null; most: number }, LedgerRow>(
    `select ${LEDGER_COLUMNS} from requests where rowid > ${MARKED_ROWID} order by rowid limit :most`,
  );
  const books = prepareBooks(sqlite);
  return sqlite.transaction((mostRows: number, nowEpochMs: number): RollUpStep | null => {
    const before = markOf();
    const rows = rowsAfter.all({ mark: before.requestId, most: mostRows });
    const last = rows.at(-1);
    if (!last) return null;
    const kept = {
      minutesFromEpochMs: later(before.minutesFromEpochMs, nowEpochMs - KEPT_MS.minute, 'hour'),
      hoursFromEpochMs: later(before.hoursFromEpochMs, nowEpochMs - KEPT_MS.hour, 'day'),
    };
    const cells = new StepCells(kept, books);
    for (const row of rows) cells.add(row);
    return {
      ...kept,
      afterRequestId: before.requestId,
      upToRequestId: last.request_id,
      rows: rows.length,
      cells: cells.encode(),
    };
  });
}

function later(before: number, epochMs: number, grain: Grain): number {
  return Math.max(before, bucketOf(epochMs, grain));
}

/** How far the roll-ups are; with a request id of null nothing is. */
export function prepareMark(sqlite: Sqlite.Database): () => Mark {
  const read = sqlite.prepare<[], Mark>(
    `select request_id as requestId, minutes_from_epoch_ms as minutesFromEpochMs, hours_from_epoch_ms as hoursFromEpochMs
     from rollup_mark where mark_id = 1`,
  );
  return () => read.get() ?? { requestId: null, minutesFromEpochMs: -Infinity, hoursFromEpochMs: -Infinity };
}

/** What is in the roll-ups already; of cells those that are no part of a pack. */
interface Books {
  cellOf(grain: Grain, cube: Cube, bucketEpochMs: number, valuesJson: string): Buffer | undefined;
  linesOf(cube: Cube, dayEpochMs: number): string[];
}

function prepareBooks(sqlite: Sqlite.Database): Books {
  const cell = sqlite
    .prepare<[Grain, Cube, number, Cube, string], Buffer>(
      `select data from rollup_cells where grain = ? and cube = ? and bucket_epoch_ms = ? and series_id =
         (select series_id from rollup_series where cube = ? and values_json = ?)`,
    )
    .pluck();
  const lines = sqlite
    .prepare<[Cube, number], string>(
      `select values_json from rollup_cells join rollup_series using (series_id)
       where grain = 'day' and rollup_cells.cube = ? and bucket_epoch_ms = ?`,
    )
    .pluck();
  const packs = sqlite
    .prepare<[Cube, number], Buffer>(
      `select data from rollup_packs where grain = 'day' and cube = ? and bucket_epoch_ms = ?`,
    )
    .pluck();
  const named = sqlite
    .prepare<[string], string>(
      'select values_json from rollup_series where series_id in (select value from json_each(?))',
    )
    .pluck();
  const packedLines = (cube: Cube, day: number): string[] => {
    const ids: number[] = [];
    for (const pack of packs.iterate(cube, day)) eachLine(pack, (id) => ids.push(id));
    return ids.length === 0 ? [] : named.all(JSON.stringify(ids));
  };
  return {
    cellOf: (grain, cube, bucket, valuesJson) => cell.get(grain, cube, bucket, cube, valuesJson),
    linesOf: (cube, day) => [...lines.all(cube, day), ...packedLines(cube, day)],
  };
}

interface OpenCell extends Omit<StepCell, 'data'> {
  readonly cell: Cell;
}

/** The cells that a step touches. */
class StepCells {
  readonly #since: Readonly<Record<Grain, number>>;
  readonly #books: Books;
  /** By grain, cube and bucket, and then by line. */
  readonly #open = new Map<string, Map<string, OpenCell>>();
  readonly #lines = new Map<string, Set<string>>();

  constructor(kept: Kept, books: Books) {
    this.#since = { minute: kept.minutesFromEpochMs, hour: kept.hoursFromEpochMs, day: -Infinity };
    this.#books = books;
  }

  add(row: LedgerRow): void {
    for (const cube of CUBE_NAMES) {
      if (!isIn(cube, row)) continue;
      const line = this.#lineOf(cube, row);
      const facts = new Facts();
      tellFacts(cube, row, facts);
      for (const grain of GRAINS)
        this.#addTo(grain, cube, bucketOf(row.arrived_at_epoch_ms, grain), line, facts);
    }
  }

  encode(): StepCell[] {
    const open = [...this.#open.values()].flatMap((cells) => [...cells.values()]);
    return open.map(({ cell, ...where }) => ({ ...where, data: cell.encode() }));
  }

  #addTo(grain: Grain, cube: Cube, bucketEpochMs: number, valuesJson: string, facts: Facts): void {
    if (bucketEpochMs < this.#since[grain]) return;
    const bucket = `${grain} ${cube} ${bucketEpochMs}`;
    let cells = this.#open.get(bucket);
    if (!cells) {
      cells = new Map();
      this.#open.set(bucket, cells);
    }
    let open = cells.get(valuesJson);
    if (!open) {
      open = { grain, cube, bucketEpochMs, valuesJson, cell: new Cell() };
      const stored = this.#books.cellOf(grain, cube, bucketEpochMs, valuesJson);
      if (stored) open.cell.addEncoded(new ByteReader(stored));
      cells.set(valuesJson, open);
    }
    open.cell.add(facts);
  }

  /** The values that the row's line has in the cube. */
  #lineOf(cube: Cube, row: LedgerRow): string {
    const values = valuesOf(cube, row);
    const line = JSON.stringify(values);
    const lines = this.#linesOn(cube, bucketOf(row.arrived_at_epoch_ms, 'day'));
    if (lines.has(line)) return line;
    const at = (CUBES[cube] as readonly string[]).indexOf('combo');
    if (lines.size < MOST_SERIES_A_DAY || at < 0 || values[at] === null) {
      lines.add(line);
      return line;
    }
    return JSON.stringify(values.with(at, OTHER_COMBOS));
  }

  #linesOn(cube: Cube, dayEpochMs: number): Set<string> {
    const key = `${cube} ${dayEpochMs}`;
    const known = this.#lines.get(key) ?? new Set(this.#books.linesOf(cube, dayEpochMs));
    this.#lines.set(key, known);
    return known;
  }
}

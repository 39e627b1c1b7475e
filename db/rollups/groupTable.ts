import {
  CUBES,
  type Dimension,
  type DimensionValue,
  type GroupQuery,
  MOST_GROUPS,
  type ReportGroup,
} from '../../gateway/domain/reportFigures.ts';
import { ByteReader } from './bytes.ts';
import { Cell } from './cell.ts';
import { isIn, type SeriesValue, tellFacts, valuesOf } from './cubes.ts';
import { bucketOf, type Grain } from './grains.ts';
import type { LedgerRow } from './ledgerRow.ts';
import { eachLine } from './pack.ts';
import type { SeriesById, StoredCells } from './sources.ts';

export class TooManyGroups extends Error {}

interface Group {
  readonly by: ReportGroup['by'];
  readonly cell: Cell;
}

/**
 * Adds up what is read by what the query tells apart. Where that is time, the groups of a time are made out and their room is used
 * again when what is read has come past it: a month by day has seven thousand groups, of a hundred kilobytes each.
 */
export class GroupTable {
  readonly #query: GroupQuery;
  readonly #series: SeriesById;
  readonly #places: readonly number[];
  readonly #byTime: Grain | null;
  /** By the time that is told apart, and then by everything that is. */
  readonly #open = new Map<number, Map<string, Group>>();
  /** Groups by line, of the time that is read. */
  #cellOfLine = new Map<number, Cell>();
  #readingEpochMs = -Infinity;
  readonly #spare: Cell[] = [];
  readonly #done: ReportGroup[] = [];
  #made = 0;
  #sign: 1 | -1 = 1;

  constructor(query: GroupQuery, series: SeriesById) {
    this.#query = query;
    this.#series = series;
    const dimensions: readonly Dimension[] = CUBES[query.cube];
    this.#places = query.groupBy.map((dimension) => dimensions.indexOf(dimension));
    this.#byTime = timeOf(query.groupBy);
  }

  /** Whether what comes next is added or taken away. */
  set sign(sign: 1 | -1) {
    this.#sign = sign;
  }

  /** What has arrived at no matter which time; before the others. */
  addRowAhead(row: LedgerRow): void {
    const { cube, combo } = this.#query;
    if (!isIn(cube, row) || (combo !== null && row.combo !== combo)) return;
    const cell = this.#cellOf(valuesOf(cube, row), row.arrived_at_epoch_ms);
    cell.sign = this.#sign;
    tellFacts(cube, row, cell);
  }

  /** By the time of arrival. */
  addRow(row: LedgerRow): void {
    this.#reach(row.arrived_at_epoch_ms);
    this.addRowAhead(row);
  }

  /** By the time of the bucket. */
  addCells([bucketEpochMs, seriesId, data]: StoredCells): void {
    this.#reach(bucketEpochMs);
    if (seriesId === null) eachLine(data, (line, cell) => this.#addLine(line, bucketEpochMs, cell));
    else this.#addLine(seriesId, bucketEpochMs, new ByteReader(data));
  }

  /** In no order. */
  all(): ReportGroup[] {
    for (const periodEpochMs of [...this.#open.keys()]) this.#finish(periodEpochMs);
    return this.#done;
  }

  #addLine(seriesId: number, bucketEpochMs: number, data: ByteReader): void {
    let cell = this.#cellOfLine.get(seriesId);
    if (!cell) {
      const values = this.#series.get(seriesId);
      if (!values) return;
      cell = this.#cellOf(values, bucketEpochMs);
      this.#cellOfLine.set(seriesId, cell);
    }
    cell.sign = this.#sign;
    cell.addEncoded(data);
  }

  #periodOf(epochMs: number): number {
    return this.#byTime ? bucketOf(epochMs, this.#byTime) : 0;
  }

  #reach(epochMs: number): void {
    const periodEpochMs = this.#periodOf(epochMs);
    if (periodEpochMs === this.#readingEpochMs) return;
    this.#finish(this.#readingEpochMs);
    this.#readingEpochMs = periodEpochMs;
    this.#cellOfLine = new Map();
  }

  #finish(periodEpochMs: number): void {
    for (const { by, cell } of this.#open.get(periodEpochMs)?.values() ?? []) {
      if (!cell.isEmpty) this.#done.push({ by, counters: cell.counters(), measures: cell.measures() });
      cell.clear();
      this.#spare.push(cell);
    }
    this.#open.delete(periodEpochMs);
  }

  #cellOf(values: readonly SeriesValue[], atEpochMs: number): Cell {
    const periodEpochMs = this.#periodOf(atEpochMs);
    const groups = this.#open.get(periodEpochMs) ?? new Map<string, Group>();
    this.#open.set(periodEpochMs, groups);
    const by = this.#query.groupBy.map((dimension, index): DimensionValue => {
      if (dimension === 'hour' || dimension === 'day') return bucketOf(atEpochMs, dimension);
      return values[this.#places[index] ?? -1] ?? null;
    });
    const key = JSON.stringify(by);
    const found = groups.get(key);
    if (found) return found.cell;
    this.#made += 1;
    if (this.#made > MOST_GROUPS) throw new TooManyGroups('more groups than a report may have');
    const names = this.#query.groupBy.map((dimension, index) => [dimension, by[index]]);
    const group = {
      by: Object.fromEntries(names) as ReportGroup['by'],
      cell: this.#spare.pop() ?? new Cell(),
    };
    groups.set(key, group);
    return group.cell;
  }
}

/** The finer of the times that are told apart. */
function timeOf(groupBy: readonly Dimension[]): Grain | null {
  if (groupBy.includes('hour')) return 'hour';
  return groupBy.includes('day') ? 'day' : null;
}

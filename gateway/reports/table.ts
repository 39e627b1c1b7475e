import { type Figure, PERCENTILES, type Row } from './figures.ts';

/** Where a column's value is in a row; the names together, with `_` between them, are the column's. */
export type Column = readonly string[];

export interface Report {
  readonly rows: readonly Row[];
  readonly columns: readonly Column[];
}

/** The columns of percentiles under a name, and of `others` beside them. */
export function percentileColumns(name: Column, others: readonly string[] = []): Column[] {
  return [...others, ...PERCENTILES].map((figure) => [...name, figure]);
}

/** A row's values by the columns; what is absent is null. */
export function cellsOf(row: Row, columns: readonly Column[]): (string | number | boolean | null)[] {
  return columns.map((column) => {
    let at: Figure | undefined = row;
    for (const name of column) at = typeof at === 'object' && at !== null ? at[name] : undefined;
    return at === undefined || typeof at === 'object' ? null : at;
  });
}

import type Sqlite from 'better-sqlite3';
import type { GroupQuery, ReportGroup } from '../../gateway/domain/reportFigures.ts';
import { piecesOf } from './grains.ts';
import { GroupTable, TooManyGroups } from './groupTable.ts';
import { prepareSources } from './sources.ts';
import { prepareMark } from './step.ts';

/** ports/reportReads.ts, `groups`: whole buckets, what they leave over, and the rows after the mark, of one moment. */
export function prepareGroups(sqlite: Sqlite.Database): (query: GroupQuery) => ReportGroup[] | null {
  const markOf = prepareMark(sqlite);
  const sources = prepareSources(sqlite);
  const read = sqlite.transaction((query: GroupQuery): ReportGroup[] => {
    const mark = markOf();
    const { fromEpochMs: from, toEpochMs } = query;
    const to = toEpochMs ?? Infinity;
    const series = sources.series(query);
    const table = new GroupTable(query, series);
    for (const row of sources.rowsAfter(query, mark.requestId, from, to)) table.addRowAhead(row);
    if (mark.requestId === null) return table.all();
    const readable = { ...mark, sumsToEpochMs: sources.sumsTo(query) };
    // A row may be in `(other)` where its cell is: there it cannot be taken away from its own.
    const canSubtract = !sources.hasOtherCombos(query);
    for (const piece of piecesOf(from, to, readable, coarsestFor(query), canSubtract)) {
      table.sign = piece.sign;
      if (piece.of === 'rows')
        for (const row of sources.rowsUpTo(query, mark.requestId, piece)) table.addRow(row);
      else for (const cells of sources.cells(query, piece, series)) table.addCells(cells);
    }
    return table.all();
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

function coarsestFor({ groupBy }: GroupQuery): 'hour' | 'day' | 'week' {
  if (groupBy.includes('hour')) return 'hour';
  return groupBy.includes('day') ? 'day' : 'week';
}

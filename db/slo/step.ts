import type Sqlite from 'better-sqlite3';
import {
  addCounts,
  definitionOf,
  NO_COUNTS,
  type Slo,
  type SloCounts,
  verdictOf,
} from '../../gateway/domain/slo.ts';
import { bucketOf } from '../rollups/grains.ts';
import { MARKED_ROWID } from '../rollups/ledgerRow.ts';
import { JUDGED_COLUMNS, type JudgedRow } from './judgedRow.ts';

export interface SloBucket extends SloCounts {
  readonly bucketEpochMs: number;
}

/** Some more rows for one definition, to be added in one transaction. */
export interface SloPart {
  readonly definition: string;
  /** The mark that it begins at; with another one it must not be written. */
  readonly afterRequestId: string | null;
  readonly upToRequestId: string;
  readonly buckets: readonly SloBucket[];
}

export interface SloStep {
  readonly parts: readonly SloPart[];
  /** All that are wanted: what is there of others goes. */
  readonly definitions: readonly string[];
  /** Minutes before it become hours. */
  readonly hoursBeforeEpochMs: number;
}

/** Rows that are not counted yet, by the mark of a definition; null: none is. */
export type RowsAfter = (mark: string | null, most: number) => JudgedRow[];

export function prepareRowsAfter(sqlite: Sqlite.Database): RowsAfter {
  const rows = sqlite.prepare<{ mark: string | null; most: number }, JudgedRow>(
    `select ${JUDGED_COLUMNS} from requests where rowid > ${MARKED_ROWID} order by rowid limit :most`,
  );
  return (mark, most) => rows.all({ mark, most });
}

/** The last request that each definition has counted. */
export function prepareMarks(sqlite: Sqlite.Database): () => ReadonlyMap<string, string> {
  const marks = sqlite.prepare<[], { definition: string; requestId: string }>(
    'select definition, request_id as requestId from slo_marks',
  );
  return () => new Map(marks.all().map(({ definition, requestId }) => [definition, requestId]));
}

/** The next step of at most `mostRows` rows for each definition; `rows` is what the one with the most has read. */
export type NextSloStep = (
  slos: readonly Slo[],
  mostRows: number,
) => { readonly rows: number; readonly parts: readonly SloPart[]; readonly stale: boolean };

export function prepareNextSloStep(sqlite: Sqlite.Database): NextSloStep {
  const rowsAfter = prepareRowsAfter(sqlite);
  const marksNow = prepareMarks(sqlite);
  return sqlite.transaction((slos: readonly Slo[], mostRows: number) => {
    const marks = marksNow();
    const wanted = new Map(slos.map((slo) => [definitionOf(slo), slo]));
    const parts: SloPart[] = [];
    // Nearly always all have the same mark: their rows are read once.
    const read = new Map<string | null, JudgedRow[]>();
    for (const [definition, slo] of wanted) {
      const mark = marks.get(definition) ?? null;
      const rows = read.get(mark) ?? rowsAfter(mark, mostRows);
      read.set(mark, rows);
      const last = rows.at(-1);
      if (!last) continue;
      const buckets = bucketsOf(slo, rows);
      parts.push({ definition, afterRequestId: mark, upToRequestId: last.requestId, buckets });
    }
    const rows = Math.max(0, ...[...read.values()].map(({ length }) => length));
    return { rows, parts, stale: [...marks.keys()].some((definition) => !wanted.has(definition)) };
  });
}

function bucketsOf(slo: Slo, rows: readonly JudgedRow[]): SloBucket[] {
  const buckets = new Map<number, SloCounts>();
  for (const row of rows) {
    const verdict = verdictOf(slo, row);
    if (!verdict) continue;
    const bucket = bucketOf(row.arrivedAtEpochMs, 'minute');
    buckets.set(bucket, addCounts(buckets.get(bucket) ?? NO_COUNTS, { ...NO_COUNTS, [verdict]: 1 }));
  }
  return [...buckets].map(([bucketEpochMs, counts]) => ({ bucketEpochMs, ...counts }));
}

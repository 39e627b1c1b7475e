import type Sqlite from 'better-sqlite3';
import {
  addCounts,
  definitionOf,
  NO_COUNTS,
  type Slo,
  type SloCounts,
  verdictOf,
} from '../../gateway/domain/slo.ts';
import type { CountedSlo, SloSpan } from '../../gateway/ports/sloCounts.ts';
import { bucketOf, GRAIN_MS } from '../rollups/grains.ts';
import type { JudgedRow } from './judgedRow.ts';
import { prepareMarks, prepareRowsAfter } from './step.ts';

/** How long counts are by the minute; before that by the hour. The longest window of a burn rate is shorter. */
export const MINUTES_KEPT_MS = 4 * GRAIN_MS.day;
/** Most rows that one read judges itself; the steps are seldom further behind than that. */
const MOST_UNCOUNTED = 20_000;

export type ReadCounts = (
  slos: readonly Slo[],
  spans: readonly SloSpan[],
  nowEpochMs: number,
) => CountedSlo[];

/** Counts of the tables, and the rows after their marks, of one moment. */
export function prepareCounts(sqlite: Sqlite.Database): ReadCounts {
  const sums = sqlite.prepare<{ definition: string; from: number; to: number }, SloCounts>(
    `select coalesce(sum(good), 0) as good, coalesce(sum(bad), 0) as bad,
       coalesce(sum(start_good), 0) as startGood, coalesce(sum(start_bad), 0) as startBad
     from slo_counts where definition = :definition and bucket_epoch_ms >= :from and bucket_epoch_ms < :to`,
  );
  const marksNow = prepareMarks(sqlite);
  const rowsAfter = prepareRowsAfter(sqlite);
  return sqlite.transaction((slos: readonly Slo[], spans: readonly SloSpan[], nowEpochMs: number) => {
    const marks = marksNow();
    const whole = spans.map((span) => wholeBuckets(span, nowEpochMs));
    const read = new Map<string | null, JudgedRow[]>();
    return slos.map((slo) => {
      const definition = definitionOf(slo);
      const mark = marks.get(definition) ?? null;
      const rows = read.get(mark) ?? rowsAfter(mark, MOST_UNCOUNTED);
      read.set(mark, rows);
      return {
        isComplete: rows.length < MOST_UNCOUNTED,
        spans: whole.map(({ fromEpochMs: from, toEpochMs: to }) =>
          rows.reduce(
            (counts, row) => withRow(counts, slo, row, from, to),
            sums.get({ definition, from, to }) ?? NO_COUNTS,
          ),
        ),
      };
    });
  });
}

function withRow(counts: SloCounts, slo: Slo, row: JudgedRow, from: number, to: number): SloCounts {
  if (row.arrivedAtEpochMs < from || row.arrivedAtEpochMs >= to) return counts;
  const verdict = verdictOf(slo, row);
  return verdict ? addCounts(counts, { ...NO_COUNTS, [verdict]: 1 }) : counts;
}

/** As SloCountsReads says it: both ends moved outwards to where counts can be told apart. */
export function wholeBuckets({ fromEpochMs, toEpochMs }: SloSpan, nowEpochMs: number): SloSpan {
  const grainAt = (epochMs: number) => (epochMs < nowEpochMs - MINUTES_KEPT_MS ? 'hour' : 'minute');
  const end = bucketOf(toEpochMs, grainAt(toEpochMs));
  return {
    fromEpochMs: bucketOf(fromEpochMs, grainAt(fromEpochMs)),
    toEpochMs: end === toEpochMs ? end : end + GRAIN_MS[grainAt(toEpochMs)],
  };
}

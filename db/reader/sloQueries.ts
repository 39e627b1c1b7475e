import type Sqlite from 'better-sqlite3';
import type { Slo } from '../../gateway/domain/slo.ts';
import type { SloSpan } from '../../gateway/ports/sloCounts.ts';
import { prepareCounts } from '../slo/counts.ts';
import { MARKED_ROWIDS } from '../slo/marks.ts';
import { prepareNextSloStep } from '../slo/step.ts';
import { prepareTrace } from './traceQueries.ts';

/** Reads of objectives and of retention, as makeQueries() has them. */
export function makeSloQueries(sqlite: Sqlite.Database) {
  const nextStep = prepareNextSloStep(sqlite);
  const counts = prepareCounts(sqlite);
  // Nothing is rolled up: the minimum is null, and no row is before it.
  const expired = sqlite
    .prepare<{ before: number; most: number }, string>(
      `select request_id from requests indexed by requests_by_arrival
       where arrived_at_epoch_ms < :before and rowid < (select min(at) from (${MARKED_ROWIDS})) limit :most`,
    )
    .pluck();
  return {
    nextSloStep: ({ slos, mostRows }: { slos: readonly Slo[]; mostRows: number }) => nextStep(slos, mostRows),

    sloCounts: (asked: { slos: readonly Slo[]; spans: readonly SloSpan[]; nowEpochMs: number }) =>
      counts(asked.slos, asked.spans, asked.nowEpochMs),

    recordedTrace: prepareTrace(sqlite),

    expiredRequests: (asked: { before: number; most: number }) => expired.all(asked),
  };
}

import type Sqlite from 'better-sqlite3';
import { GRAIN_MS } from '../rollups/grains.ts';
import type { SloStep } from './step.ts';

/** How far back minutes are looked for that are to be hours. Older ones, of a long rest, stay minutes: sums are the same. */
const LOOKED_BACK_MS = 3 * GRAIN_MS.day;
const HOUR = GRAIN_MS.hour;

/**
 * Writes a step inside the transaction that is open: all of it or, when it throws, nothing. A part that does not begin at
 * its mark was written already, and is refused.
 */
export function prepareWriteSlos(sqlite: Sqlite.Database): (step: SloStep) => void {
  const mark = sqlite
    .prepare<[string], string>('select request_id from slo_marks where definition = ?')
    .pluck();
  const move = sqlite.prepare(
    `insert into slo_marks (definition, request_id) values (:definition, :upToRequestId)
     on conflict (definition) do update set request_id = excluded.request_id`,
  );
  const add = sqlite.prepare(
    `insert into slo_counts (definition, bucket_epoch_ms, good, bad, start_good, start_bad)
     values (:definition, :bucketEpochMs, :good, :bad, :startGood, :startBad)
     on conflict (definition, bucket_epoch_ms) do update set good = good + excluded.good, bad = bad + excluded.bad,
       start_good = start_good + excluded.start_good, start_bad = start_bad + excluded.start_bad`,
  );
  const forget = prepareForget(sqlite);
  const toHours = prepareToHours(sqlite);
  return sqlite.transaction(({ parts, definitions, hoursBeforeEpochMs }: SloStep) => {
    forget(definitions);
    for (const part of parts) {
      const { definition } = part;
      if ((mark.get(definition) ?? null) !== part.afterRequestId) {
        throw new Error('the counts of objectives are past this step');
      }
      for (const bucket of part.buckets) add.run({ definition, ...bucket });
      move.run({ definition, upToRequestId: part.upToRequestId });
      toHours(definition, hoursBeforeEpochMs);
    }
  });
}

function prepareForget(sqlite: Sqlite.Database): (wanted: readonly string[]) => void {
  const others = (table: string) =>
    sqlite.prepare(`delete from ${table} where definition not in (select value from json_each(?))`);
  const stale = sqlite.prepare(
    'select 1 from slo_marks where definition not in (select value from json_each(?))',
  );
  const tables = ['slo_marks', 'slo_counts'].map(others);
  return (wanted) => {
    const json = JSON.stringify(wanted);
    if (stale.get(json)) for (const table of tables) table.run(json);
  };
}

function prepareToHours(sqlite: Sqlite.Database): (definition: string, beforeEpochMs: number) => void {
  const minutes = `from slo_counts where definition = :definition
    and bucket_epoch_ms >= :from and bucket_epoch_ms < :before and bucket_epoch_ms % ${HOUR} <> 0`;
  const add = sqlite.prepare(
    `insert into slo_counts (definition, bucket_epoch_ms, good, bad, start_good, start_bad)
     select definition, bucket_epoch_ms - bucket_epoch_ms % ${HOUR} as hour, sum(good), sum(bad), sum(start_good), sum(start_bad)
     ${minutes} group by hour
     on conflict (definition, bucket_epoch_ms) do update set good = good + excluded.good, bad = bad + excluded.bad,
       start_good = start_good + excluded.start_good, start_bad = start_bad + excluded.start_bad`,
  );
  const remove = sqlite.prepare(`delete ${minutes}`);
  return (definition, before) => {
    const span = { definition, before, from: before - LOOKED_BACK_MS };
    if (add.run(span).changes > 0) remove.run(span);
  };
}

import type Sqlite from 'better-sqlite3';
import type {
  CorrectionSum,
  Eviction,
  GroupedReport,
  GroupQuery,
  OwnStart,
  ReportFormat,
  ReportRange,
  RolledUpTo,
} from '../../gateway/domain/reportFigures.ts';
import { groupedText } from '../../gateway/reports/grouped.ts';
import { startMsOf } from '../rollups/cubes.ts';
import { GRAIN_MS } from '../rollups/grains.ts';
import { prepareGroups } from '../rollups/groups.ts';
import type { LedgerRow } from '../rollups/ledgerRow.ts';
import { prepareNextPackStep } from '../rollups/packStep.ts';
import { prepareNextStep } from '../rollups/step.ts';
import { packStep } from '../rollups/writeStep.ts';
import { parseKeyTags } from './jsonColumns.ts';

interface TextOrder {
  readonly report: GroupedReport;
  readonly query: GroupQuery;
  readonly format: ReportFormat;
}

type StartRow = Pick<
  LedgerRow,
  'spawn_ms' | 'stage_ms' | 'load_ms' | 'attach_ms' | 'context_ms' | 'staged_bytes' | 'upload_bytes'
> & {
  readonly arrivedAtEpochMs: number;
  readonly combo: string;
  readonly base: string | null;
  readonly kind: string;
};

/** Reads of reports, as makeQueries() has them. Each is one statement or one transaction: of one moment. */
export function makeReportQueries(sqlite: Sqlite.Database) {
  const groups = prepareGroups(sqlite);
  const nextStep = prepareNextStep(sqlite);
  const nextPack = prepareNextPackStep(sqlite);
  const rolledUpTo = sqlite.prepare<[], RolledUpTo>(
    `select request_id as requestId, arrived_at_epoch_ms as arrivedAtEpochMs,
       minutes_from_epoch_ms as minutesFromEpochMs
     from rollup_mark join requests using (request_id)`,
  );
  return {
    reportGroups: groups,

    reportText: ({ report, query, format }: TextOrder): string | null => {
      const found = groups(query);
      return found && groupedText(report, found, query.groupBy, format);
    },

    /** packStep() of the next step, or null. */
    nextRollUpStep: ({ mostRows, nowEpochMs }: { mostRows: number; nowEpochMs: number }) => {
      const step = nextStep(mostRows, nowEpochMs);
      return step ? { rows: step.rows, packed: packStep(step) } : null;
    },

    /** packStep() of the next PackStep, or null. */
    nextPackStep: ({ nowEpochMs }: { nowEpochMs: number }) => {
      const step = nextPack(nowEpochMs);
      return step ? packStep(step) : null;
    },

    rolledUpTo: (_none: Record<string, never>) => rolledUpTo.get() ?? null,

    reportCorrections: prepareCorrections(sqlite),

    reportEvictions: prepareEvictions(sqlite),

    reportOwnStarts: prepareOwnStarts(sqlite),

    keyTags: (_none: Record<string, never>) => readKeyTags(sqlite),
  };
}

const rangeOf = ({ fromEpochMs, toEpochMs }: ReportRange) => ({
  from: fromEpochMs,
  to: toEpochMs ?? Number.MAX_SAFE_INTEGER,
});

/** By the time of the request that is corrected: a report of that time tells what is true now. */
function prepareCorrections(sqlite: Sqlite.Database): (range: ReportRange) => CorrectionSum[] {
  const sums = sqlite.prepare<{ from: number; to: number }, CorrectionSum>(
    `select r.key_id as "key", r.combo as combo, r.base_id as base,
       r.arrived_at_epoch_ms - r.arrived_at_epoch_ms % ${GRAIN_MS.day} as dayEpochMs,
       sum(c.prompt_tokens) as promptTokens, sum(c.cached_tokens) as cachedTokens,
       sum(c.completion_tokens) as completionTokens, sum(c.cost_micro_usd) as costMicroUsd
     from corrections c join requests r using (request_id)
     where r.arrived_at_epoch_ms >= :from and r.arrived_at_epoch_ms < :to
     group by 1, 2, 3, 4`,
  );
  return (range) => sums.all(rangeOf(range));
}

function prepareEvictions(sqlite: Sqlite.Database): (range: ReportRange) => Eviction[] {
  const evictions = sqlite.prepare<{ from: number; to: number }, Eviction>(
    `select at_epoch_ms as atEpochMs,
       case type when 'base_evicted' then 'base' when 'combo_evicted' then 'combo' else 'segment' end as what,
       coalesce(combo, detail_json ->> '$.base', detail_json ->> '$.key', '') as name,
       coalesce(detail_json ->> '$.bytes', 0) as bytes
     from events indexed by events_by_time
     where at_epoch_ms >= :from and at_epoch_ms < :to
       and type in ('base_evicted', 'combo_evicted', 'segment_dropped')
     order by at_epoch_ms, event_id`,
  );
  return (range) => evictions.all(rangeOf(range));
}

function prepareOwnStarts(sqlite: Sqlite.Database): (range: ReportRange) => OwnStart[] {
  // The condition is that of the index, isOwnStart() in db/schema.ts.
  const starts = sqlite.prepare<{ from: number; to: number }, StartRow>(
    `select arrived_at_epoch_ms as arrivedAtEpochMs, combo, base_id as base, start_kind as kind,
       spawn_ms, stage_ms, load_ms, attach_ms, context_ms, staged_bytes, upload_bytes
     from requests indexed by requests_own_starts
     where start_kind <> 'warm' and joined = 0 and error_code is null and combo is not null
       and arrived_at_epoch_ms >= :from and arrived_at_epoch_ms < :to
     order by arrived_at_epoch_ms`,
  );
  return (range) => starts.all(rangeOf(range)).map(ownStartOf);
}

function ownStartOf(row: StartRow): OwnStart {
  return {
    arrivedAtEpochMs: row.arrivedAtEpochMs,
    combo: row.combo,
    base: row.base,
    kind: row.kind,
    tookMs: startMsOf(row),
    stagedBytes: row.staged_bytes ?? 0,
    uploadBytes: row.upload_bytes ?? 0,
  };
}

function readKeyTags(sqlite: Sqlite.Database): Map<string, Record<string, string>> {
  const rows = sqlite
    .prepare<[], { id: string; termsJson: string }>(
      'select key_id as id, terms_json as termsJson from api_keys',
    )
    .all();
  return new Map(rows.map(({ id, termsJson }) => [id, parseKeyTags(termsJson)]));
}

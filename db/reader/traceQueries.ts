import type Sqlite from 'better-sqlite3';
import type { RecordedArrivals, RecordedStarts } from '../../gateway/domain/recordedArrivals.ts';
import type { ReportRange } from '../../gateway/domain/reportFigures.ts';

interface TraceRow {
  readonly atEpochMs: number;
  readonly combo: string;
  readonly base: string;
  readonly isStart: 0 | 1;
  readonly joined: 0 | 1;
  /** Of queue, spawn, stage, load, attach and context, together. */
  readonly waitedMs: number;
  readonly baseMs: number | null;
  readonly attachMs: number | null;
  readonly durationMs: number;
  readonly startMicroUsd: number;
}

/** A combo's rows while they are gone through. */
interface Book {
  readonly base: string;
  requests: number;
  starts: number;
  waitedMs: number;
  startMicroUsd: number;
  /** One list of all combos on the base. */
  readonly baseMs: number[];
  readonly attachMs: number[];
}

export type ReadTrace = (asked: ReportRange & { readonly most: number }) => RecordedArrivals;

/** Reads what was asked for and how long it took, for the replay of reports/keepwarm. */
export function prepareTrace(sqlite: Sqlite.Database): ReadTrace {
  const within = `from requests indexed by requests_by_arrival
    where arrived_at_epoch_ms >= :from and arrived_at_epoch_ms < :to
      and combo is not null and base_id is not null and start_kind is not null`;
  const span = ({ fromEpochMs: from, toEpochMs }: ReportRange) => ({
    from,
    to: toEpochMs ?? Number.MAX_SAFE_INTEGER,
  });
  const count = sqlite.prepare<{ from: number; to: number }, number>(`select count(*) ${within}`).pluck();
  const last = sqlite.prepare<{ from: number; to: number; most: number }, TraceRow>(
    `select arrived_at_epoch_ms as atEpochMs, combo, base_id as base, start_kind <> 'warm' as isStart, joined,
       coalesce(queue_ms, 0) + coalesce(spawn_ms, 0) + coalesce(stage_ms, 0) + coalesce(load_ms, 0)
         + coalesce(attach_ms, 0) + coalesce(context_ms, 0) as waitedMs,
       coalesce(spawn_ms, 0) + coalesce(stage_ms, 0) + load_ms as baseMs,
       case when attach_ms is null and context_ms is null then null
         else coalesce(attach_ms, 0) + coalesce(context_ms, 0) end as attachMs,
       coalesce(prefill_ms, 0) + coalesce(decode_ms, 0) as durationMs, start_micro_usd as startMicroUsd
     ${within} order by arrived_at_epoch_ms desc, rowid desc limit :most`,
  );
  return sqlite.transaction((asked: ReportRange & { readonly most: number }): RecordedArrivals => {
    const rows = last.all({ ...span(asked), most: asked.most }).toReversed();
    return traceOf(rows, count.get(span(asked)) ?? 0);
  });
}

function traceOf(rows: readonly TraceRow[], found: number): RecordedArrivals {
  const books = new Map<string, Book>();
  const place = new Map<string, number>();
  const baseMs = new Map<string, number[]>();
  const combo = new Uint32Array(rows.length);
  for (const [index, row] of rows.entries()) {
    let book = books.get(row.combo);
    if (!book) {
      place.set(row.combo, books.size);
      book = {
        base: row.base,
        requests: 0,
        starts: 0,
        waitedMs: 0,
        startMicroUsd: 0,
        baseMs: baseMs.get(row.base) ?? [],
        attachMs: [],
      };
      baseMs.set(row.base, book.baseMs);
      books.set(row.combo, book);
    }
    combo[index] = place.get(row.combo) ?? 0;
    enter(book, row);
  }
  const baseMedians = new Map([...baseMs].map(([base, list]) => [base, medianOf(list)]));
  return {
    found,
    combos: [...books].map(
      ([name, book]): RecordedStarts => ({
        ...book,
        combo: name,
        baseMs: baseMedians.get(book.base) ?? null,
        attachMs: medianOf(book.attachMs),
      }),
    ),
    atEpochMs: Float64Array.from(rows, ({ atEpochMs }) => atEpochMs),
    combo,
    durationMs: Float64Array.from(rows, ({ durationMs }) => durationMs),
  };
}

function enter(book: Book, row: TraceRow): void {
  book.requests += 1;
  book.startMicroUsd += row.startMicroUsd;
  if (row.isStart === 0) return;
  book.waitedMs += row.waitedMs;
  if (row.joined === 1) return;
  book.starts += 1;
  if (row.baseMs !== null) book.baseMs.push(row.baseMs);
  if (row.attachMs !== null) book.attachMs.push(row.attachMs);
}

function medianOf(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? null;
}

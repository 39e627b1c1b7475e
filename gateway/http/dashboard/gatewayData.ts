import { setImmediate } from 'node:timers/promises';
import type { Cube, Dimension, ReportGroup } from '../../domain/reportFigures.ts';
import type { RequestRecord } from '../../domain/requestRecord.ts';
import type { LedgerReads } from '../../ports/ledgerReads.ts';
import { evictionsReport } from '../admin/reports/evictions.ts';
import { BURN_MS } from '../admin/reports/slo.ts';
import type { HttpDeps } from '../deps.ts';
import type {
  DashboardData,
  EvictionRow,
  KeyBudgetRow,
  Latency,
  Objective,
  Overview,
  SideBySide,
  Span,
  Spend,
  Startup,
} from './data.ts';
import { bucketsOf, kindLatenciesOf, spendRowsOf } from './figures/groupFigures.ts';
import { latencyBuckets } from './figures/latencyFigures.ts';
import { sideRowsOf } from './figures/sideFigures.ts';
import type { StartBoard } from './figures/startBoard.ts';
import { startsByBase, startsByKind } from './figures/startFigures.ts';
import { keyBudgets } from './keyBudgets.ts';
import { objectiveOf } from './objectives.ts';
import { evictionRowOf } from './reportData.ts';
import { usageSums } from './usageSums.ts';

const SHOWN_REQUESTS = 20;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Rows of the ledger that one page reads at most. */
const MOST_ROWS = 5_000;
const PAGE_ROWS = 1_000;

/** What the pages show, out of the gateway's own parts. */
export class GatewayData implements DashboardData {
  readonly #deps: HttpDeps;
  readonly #board: StartBoard;

  constructor(deps: HttpDeps, board: StartBoard) {
    this.#deps = deps;
    this.#board = board;
  }

  async overview(): Promise<Overview> {
    const { pool, pins, ledger } = this.#deps;
    const [runners, requests] = await Promise.all([pool.runners(), ledger.list({}, null, SHOWN_REQUESTS)]);
    return {
      runners,
      requests,
      combos: pool.combos(),
      budgets: pool.budgets(),
      segments: pool.segments(),
      pins: pins.list(),
      waiting: pool.waitingRequests(),
      starts: this.#board.list(),
      notReadyReason: pool.notReadyReason(),
    };
  }

  async latency(span: Span): Promise<Latency> {
    const [groups, over, sides] = await Promise.all([
      this.#groups('latency', span, ['start_kind', 'joined']),
      this.#overTime(span),
      this.#sides(span),
    ]);
    return { kinds: kindLatenciesOf(groups ?? []), sides, ...over };
  }

  async startup(span: Span): Promise<Startup> {
    const [byKind, byBase] = await Promise.all([
      this.#groups('starts', span, ['start_kind', 'tier']),
      this.#groups('starts', span, ['base', 'start_kind']),
    ]);
    return { byKind: startsByKind(byKind ?? []), byBase: byBase && startsByBase(byBase) };
  }

  async evictions({ fromEpochMs: from, toEpochMs: to }: Span): Promise<readonly EvictionRow[]> {
    const report = await evictionsReport(this.#deps, { from, to, limit: Number.MAX_SAFE_INTEGER });
    if (!report.ok) throw new Error(report.error.message);
    return report.value.rows.map(evictionRowOf);
  }

  async spend(span: Span): Promise<Spend | null> {
    const { reports, keys } = this.#deps;
    const { fromEpochMs, toEpochMs } = span;
    const groupBy = ['key', 'base'] as const;
    const end = endOf(span);
    const [groups, corrections] = await Promise.all([
      usageSums(
        (from, to) =>
          reports.groups({ cube: 'usage', combo: null, groupBy, fromEpochMs: from, toEpochMs: to }),
        fromEpochMs,
        end,
        toEpochMs,
      ),
      reports.corrections({ fromEpochMs, toEpochMs: end }),
    ]);
    if (groups === null) return null;
    // They may be tens of thousands: requests go in between.
    await setImmediate();
    const rows = spendRowsOf(groups, corrections, keys.list());
    await setImmediate();
    const requests = rows.reduce((total, row) => total + row.requests, 0);
    return { rows, coverage: { requests, isCut: false } };
  }

  keyBudgets(): readonly KeyBudgetRow[] {
    const { keys, spend, clock } = this.#deps;
    return keyBudgets(keys.list(), spend, clock.epochMs());
  }

  async objectives(): Promise<readonly Objective[]> {
    return (await this.#deps.slos.states(BURN_MS)).map(objectiveOf);
  }

  async #sides(span: Span): Promise<SideBySide> {
    for (const of of ['combo', 'base'] as const) {
      const groups = await this.#groups('latency', span, [of, 'start_kind']);
      if (groups) return { of, rows: sideRowsOf(groups, of) };
    }
    return { of: 'base', rows: [] };
  }

  async #overTime(span: Span): Promise<Pick<Latency, 'buckets' | 'coverage'>> {
    const unit = unitOf(span);
    if (unit === 'minute') {
      const records = await newestRows(this.#deps.ledger, span);
      const kept = records.slice(0, MOST_ROWS);
      const coverage = { requests: kept.length, isCut: records.length > MOST_ROWS };
      return { coverage, buckets: latencyBuckets(kept, MINUTE_MS) };
    }
    const groups = (await this.#groups('latency', span, [unit, 'start_kind'])) ?? [];
    const requests = groups.reduce((total, { counters }) => total + (counters.answered ?? 0), 0);
    return { coverage: { requests, isCut: false }, buckets: bucketsOf(groups, unit) };
  }

  /** null: more than a report may have. */
  #groups(cube: Cube, span: Span, groupBy: readonly Dimension[]): Promise<readonly ReportGroup[] | null> {
    const { fromEpochMs } = span;
    return this.#deps.reports.groups({ cube, fromEpochMs, toEpochMs: endOf(span), combo: null, groupBy });
  }
}

/** Of a range without end: nothing is there after the present moment, and a whole day is read at once. */
function endOf({ range, toEpochMs }: Span): number | null {
  return range === null ? toEpochMs : null;
}

/** How fine a time is told: some hours by the minute out of the ledger's rows, others by what is rolled up. */
function unitOf({ fromEpochMs, toEpochMs }: Span): 'minute' | 'hour' | 'day' {
  const lengthMs = toEpochMs - fromEpochMs;
  if (lengthMs <= 2 * HOUR_MS) return 'minute';
  return lengthMs <= 14 * DAY_MS ? 'hour' : 'day';
}

/** The newest arrivals of a time, page by page; at most a page more than MOST_ROWS. */
async function newestRows(ledger: LedgerReads, span: Span): Promise<RequestRecord[]> {
  const filter = { fromEpochMs: span.fromEpochMs, toEpochMs: endOf(span) ?? undefined };
  const records: RequestRecord[] = [];
  while (records.length <= MOST_ROWS) {
    const last = records.at(-1) ?? null;
    const page = await ledger.list(filter, last, PAGE_ROWS);
    records.push(...page);
    if (page.length < PAGE_ROWS) break;
  }
  return records;
}

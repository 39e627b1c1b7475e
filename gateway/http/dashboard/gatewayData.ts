import { type Cube, type Dimension, MOST_GROUPS, type ReportGroup } from '../../domain/reportFigures.ts';
import type { RequestRecord } from '../../domain/requestRecord.ts';
import type { LedgerReads } from '../../ports/ledgerReads.ts';
import type { HttpDeps } from '../deps.ts';
import type { DashboardData, Latency, Overview, Range, Spend } from './data.ts';
import { bucketsOf, kindLatenciesOf, spendRowsOf } from './figures/groupFigures.ts';
import { latencyBuckets } from './figures/latencyFigures.ts';
import type { StartBoard } from './figures/startBoard.ts';

const SHOWN_REQUESTS = 20;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const RANGE_MS: Readonly<Record<Range, number>> = {
  '1h': HOUR_MS,
  '24h': DAY_MS,
  '7d': 7 * DAY_MS,
  '30d': 30 * DAY_MS,
};
/** How fine a range is told: the last hour by the minute out of the ledger's rows, others by what is rolled up. */
const UNIT = { '1h': 'minute', '24h': 'hour', '7d': 'hour', '30d': 'day' } as const;

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

  async latency(range: Range): Promise<Latency> {
    const toEpochMs = this.#deps.clock.epochMs();
    const fromEpochMs = toEpochMs - RANGE_MS[range];
    const [groups, over] = await Promise.all([
      this.#groups('latency', fromEpochMs, ['start_kind', 'joined']),
      this.#overTime(range, fromEpochMs),
    ]);
    return { fromEpochMs, toEpochMs, kinds: kindLatenciesOf(groups), ...over };
  }

  async spend(range: Range): Promise<Spend> {
    const { reports, clock, keys } = this.#deps;
    const fromEpochMs = clock.epochMs() - RANGE_MS[range];
    const [groups, corrections] = await Promise.all([
      this.#groups('usage', fromEpochMs, ['key', 'base']),
      reports.corrections({ fromEpochMs, toEpochMs: null }),
    ]);
    const rows = spendRowsOf(groups, corrections, keys.list());
    const requests = rows.reduce((total, row) => total + row.requests, 0);
    return { rows, coverage: { requests, isCut: false } };
  }

  async objectives(): Promise<null> {
    return null;
  }

  async #overTime(range: Range, fromEpochMs: number): Promise<Pick<Latency, 'buckets' | 'coverage'>> {
    const unit = UNIT[range];
    if (unit === 'minute') {
      const records = await newestRows(this.#deps.ledger, fromEpochMs);
      const kept = records.slice(0, MOST_ROWS);
      const coverage = { requests: kept.length, isCut: records.length > MOST_ROWS };
      return { coverage, buckets: latencyBuckets(kept, MINUTE_MS) };
    }
    const groups = await this.#groups('latency', fromEpochMs, [unit, 'start_kind']);
    const requests = groups.reduce((total, { counters }) => total + (counters.answered ?? 0), 0);
    return { coverage: { requests, isCut: false }, buckets: bucketsOf(groups, unit) };
  }

  async #groups(cube: Cube, fromEpochMs: number, by: readonly Dimension[]): Promise<readonly ReportGroup[]> {
    const query = { cube, fromEpochMs, toEpochMs: null, combo: null, groupBy: by };
    const groups = await this.#deps.reports.groups(query);
    if (groups === null)
      throw new Error(`Cannot show ${cube}: expected at most ${MOST_GROUPS} groups, got more`);
    return groups;
  }
}

/** The newest arrivals since a time, page by page; at most a page more than MOST_ROWS. */
async function newestRows(ledger: LedgerReads, fromEpochMs: number): Promise<RequestRecord[]> {
  const records: RequestRecord[] = [];
  while (records.length <= MOST_ROWS) {
    const last = records.at(-1) ?? null;
    const page = await ledger.list({ fromEpochMs }, last, PAGE_ROWS);
    records.push(...page);
    if (page.length < PAGE_ROWS) break;
  }
  return records;
}

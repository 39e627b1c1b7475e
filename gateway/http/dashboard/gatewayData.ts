import type { RequestRecord } from '../../domain/requestRecord.ts';
import type { LedgerReads } from '../../ports/ledgerReads.ts';
import type { HttpDeps } from '../deps.ts';
import type { Coverage, DashboardData, Latency, Overview, Range, Spend } from './data.ts';
import { kindLatencies, latencyBuckets } from './figures/latencyFigures.ts';
import { spendRows } from './figures/spendFigures.ts';
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
const BUCKET_MS: Readonly<Record<Range, number>> = {
  '1h': MINUTE_MS,
  '24h': HOUR_MS / 2,
  '7d': 4 * HOUR_MS,
  '30d': DAY_MS,
};

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
    const { records, coverage } = await this.#rows(range);
    return {
      fromEpochMs: toEpochMs - RANGE_MS[range],
      toEpochMs,
      coverage,
      buckets: latencyBuckets(records, BUCKET_MS[range]),
      kinds: kindLatencies(records),
    };
  }

  async spend(range: Range): Promise<Spend> {
    const { records, coverage } = await this.#rows(range);
    return { coverage, rows: spendRows(records, this.#deps.keys.list()) };
  }

  async objectives(): Promise<null> {
    return null;
  }

  async #rows(range: Range): Promise<{ records: readonly RequestRecord[]; coverage: Coverage }> {
    const fromEpochMs = this.#deps.clock.epochMs() - RANGE_MS[range];
    const records = await newestRows(this.#deps.ledger, fromEpochMs);
    const kept = records.slice(0, MOST_ROWS);
    return { records: kept, coverage: { requests: kept.length, isCut: records.length > MOST_ROWS } };
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

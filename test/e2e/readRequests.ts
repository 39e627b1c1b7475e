import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type TestGateway, until } from './startGateway.ts';

/** A row of the ledger as SQLite has it. */
export interface RequestRow {
  readonly request_id: string;
  readonly key_id: string | null;
  readonly combo: string | null;
  readonly start_kind: string | null;
  readonly joined: number;
  readonly runner_id: string | null;
  readonly http_status: number;
  readonly error_code: string | null;
  readonly finish_reason: string | null;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cost_micro_usd: number;
  readonly arrived_at_epoch_ms: number;
  readonly deadline_ms: number | null;
  readonly total_ms: number;
  readonly ttft_ms: number | null;
  readonly queue_ms: number | null;
  readonly spawn_ms: number | null;
  readonly stage_ms: number | null;
  readonly load_ms: number | null;
  readonly attach_ms: number | null;
  readonly context_ms: number | null;
  readonly prefill_ms: number | null;
  readonly decode_ms: number | null;
  readonly start_tier: string | null;
  readonly staged_bytes: number | null;
  readonly staged_ms: number | null;
  readonly download_ms: number | null;
  readonly stage_threads: number | null;
  readonly read_ms: number | null;
  readonly decrypt_ms: number | null;
  readonly verify_ms: number | null;
  readonly upload_bytes: number | null;
  readonly upload_ms: number | null;
}

/** The ledger in the order in which its rows were written, read by a connection of the test's own. */
export function readRequests(dataDir: string): RequestRow[] {
  const database = new Database(join(dataDir, 'hearth.db'), { readonly: true });
  try {
    return database.prepare('SELECT * FROM requests ORDER BY rowid').all() as RequestRow[];
  } finally {
    database.close();
  }
}

/** The ledger when it has so many rows. */
export async function ledger(gateway: TestGateway, count: number): Promise<RequestRow[]> {
  await until(() => readRequests(gateway.dataDir).length >= count, `the ledger has ${count} rows`);
  return readRequests(gateway.dataDir);
}

/** Of a row, in milliseconds. */
export function sumOfPhases(row: RequestRow): number {
  const phases = ['queue', 'spawn', 'stage', 'load', 'attach', 'context', 'prefill', 'decode'] as const;
  return phases.reduce((total, phase) => total + (row[`${phase}_ms`] ?? 0), 0);
}

/** An event as SQLite has it. */
export interface EventRow {
  readonly event_id: number;
  readonly at_epoch_ms: number;
  readonly type: string;
  readonly runner_id: string | null;
  readonly combo: string | null;
  readonly detail: Record<string, unknown>;
}

/** The whole event log in its order, read by a connection of the test's own. */
export function readEvents(dataDir: string): EventRow[] {
  const database = new Database(join(dataDir, 'hearth.db'), { readonly: true });
  try {
    const rows = database.prepare('SELECT * FROM events ORDER BY event_id').all() as any[];
    return rows.map(({ detail_json: json, ...row }) => ({ ...row, detail: json ? JSON.parse(json) : {} }));
  } finally {
    database.close();
  }
}

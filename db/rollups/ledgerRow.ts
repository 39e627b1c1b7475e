import type { Endpoint } from '../../gateway/domain/requestRecord.ts';

/** What roll-ups and reports read of a row of the ledger, by the names of its columns. */
export interface LedgerRow {
  readonly request_id: string;
  readonly endpoint: Endpoint;
  readonly key_id: string | null;
  readonly combo: string | null;
  readonly base_id: string | null;
  readonly start_kind: string | null;
  readonly joined: 0 | 1;
  readonly arrived_at_epoch_ms: number;
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
  readonly read_ms: number | null;
  readonly decrypt_ms: number | null;
  readonly verify_ms: number | null;
  readonly upload_bytes: number | null;
  readonly upload_ms: number | null;
  readonly ttft_ms: number | null;
  readonly tpot_ms: number | null;
  readonly total_ms: number;
  readonly prompt_tokens: number;
  readonly cached_tokens: number;
  readonly completion_tokens: number;
  readonly response_bytes: number;
  readonly http_status: number;
  readonly error_code: string | null;
  readonly cost_micro_usd: number;
}

/** The columns of a LedgerRow. */
export const LEDGER_COLUMNS = `request_id, endpoint, key_id, combo, base_id, start_kind, joined, arrived_at_epoch_ms,
  queue_ms, spawn_ms, stage_ms, load_ms, attach_ms, context_ms, prefill_ms, decode_ms,
  start_tier, staged_bytes, staged_ms, download_ms, read_ms, decrypt_ms, verify_ms, upload_bytes, upload_ms,
  ttft_ms, tpot_ms, total_ms, prompt_tokens, cached_tokens, completion_tokens, response_bytes,
  http_status, error_code, cost_micro_usd`;

/** The rowid of the row that the mark names, for comparisons; 0 without a mark. Takes the request id twice as `:mark`. */
export const MARKED_ROWID = '(select coalesce(max(rowid), 0) from requests where request_id = :mark)';

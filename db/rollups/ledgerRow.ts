import type { Cube } from '../../gateway/domain/reportFigures.ts';
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
  readonly input_micro_usd: number;
  readonly cached_micro_usd: number;
  readonly output_micro_usd: number;
  readonly runner_micro_usd: number;
  readonly device_micro_usd: number;
  readonly start_micro_usd: number;
}

type Column = keyof LedgerRow;

const ALWAYS = ['arrived_at_epoch_ms', 'http_status', 'error_code'] as const satisfies readonly Column[];
const START_TIMES = ['spawn_ms', 'stage_ms', 'load_ms', 'attach_ms', 'context_ms'] as const;
const TIMES = [
  'ttft_ms',
  'tpot_ms',
  'total_ms',
  'queue_ms',
  ...START_TIMES,
  'prefill_ms',
  'decode_ms',
] as const satisfies readonly Column[];
const DETAIL = [
  'staged_ms',
  'download_ms',
  'read_ms',
  'decrypt_ms',
  'verify_ms',
  'upload_ms',
  'staged_bytes',
  'upload_bytes',
] as const satisfies readonly Column[];
const USE = [
  'prompt_tokens',
  'cached_tokens',
  'completion_tokens',
  'response_bytes',
  'cost_micro_usd',
  'input_micro_usd',
  'cached_micro_usd',
  'output_micro_usd',
  'runner_micro_usd',
  'device_micro_usd',
  'start_micro_usd',
] as const satisfies readonly Column[];
/** What tells lines apart, and the combo, which reports of one combo look at. */
const LABELS = {
  latency: ['combo', 'base_id', 'endpoint', 'start_kind', 'joined'],
  keyLatency: ['combo', 'key_id', 'endpoint', 'start_kind', 'joined'],
  starts: ['combo', 'base_id', 'start_kind', 'joined', 'start_tier'],
  usage: ['combo', 'base_id', 'key_id'],
} as const satisfies Record<Cube, readonly Column[]>;
const AMOUNTS = {
  latency: TIMES,
  keyLatency: TIMES,
  starts: [...START_TIMES, ...DETAIL],
  usage: USE,
} as const satisfies Record<Cube, readonly Column[]>;

/** The columns of a LedgerRow. */
export const LEDGER_COLUMNS = [
  ...new Set<Column>([
    'request_id',
    ...ALWAYS,
    ...Object.values(LABELS).flat(),
    ...Object.values(AMOUNTS).flat(),
  ]),
].join(', ');

/** Those alone that a cube looks at: a report reads some ten thousand rows, and each value of each takes its time. */
export function columnsOf(cube: Cube): readonly Column[] {
  return [...ALWAYS, ...LABELS[cube], ...AMOUNTS[cube]];
}

/** The rowid of the row that the mark names, for comparisons; 0 without a mark. Takes the request id twice as `:mark`. */
export const MARKED_ROWID = '(select coalesce(max(rowid), 0) from requests where request_id = :mark)';

/** Every expected failure by its code; the one table from code to HTTP status, OpenAI type, source and retry. */
export const ERROR_TABLE = {
  invalid_request: { status: 400, type: 'invalid_request_error', source: 'client', retry: false },
  invalid_json: { status: 400, type: 'invalid_request_error', source: 'client', retry: false },
  unsupported_parameter: { status: 400, type: 'invalid_request_error', source: 'client', retry: false },
  invalid_lora: { status: 400, type: 'invalid_request_error', source: 'client', retry: false },
  context_length_exceeded: { status: 400, type: 'invalid_request_error', source: 'client', retry: false },
  invalid_api_key: { status: 401, type: 'authentication_error', source: 'client', retry: false },
  expired_api_key: { status: 401, type: 'authentication_error', source: 'client', retry: false },
  disabled_api_key: { status: 401, type: 'authentication_error', source: 'client', retry: false },
  permission_denied: { status: 403, type: 'permission_error', source: 'client', retry: false },
  model_not_found: { status: 404, type: 'invalid_request_error', source: 'client', retry: false },
  not_found: { status: 404, type: 'invalid_request_error', source: 'client', retry: false },
  method_not_allowed: { status: 405, type: 'invalid_request_error', source: 'client', retry: false },
  request_timeout: { status: 408, type: 'invalid_request_error', source: 'client', retry: true },
  conflict: { status: 409, type: 'conflict_error', source: 'client', retry: false },
  idempotency_conflict: { status: 409, type: 'conflict_error', source: 'client', retry: true },
  idempotency_answer_gone: { status: 409, type: 'conflict_error', source: 'client', retry: false },
  idempotency_key_reused: { status: 422, type: 'invalid_request_error', source: 'client', retry: false },
  request_too_large: { status: 413, type: 'invalid_request_error', source: 'client', retry: false },
  unsupported_media_type: { status: 415, type: 'invalid_request_error', source: 'client', retry: false },
  client_closed: { status: 499, type: 'invalid_request_error', source: 'client', retry: false },
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error', source: 'client', retry: true },
  budget_exceeded: { status: 429, type: 'rate_limit_error', source: 'client', retry: false },
  queue_full: { status: 429, type: 'rate_limit_error', source: 'gateway', retry: true },
  queue_exceeds_deadline: { status: 429, type: 'rate_limit_error', source: 'gateway', retry: true },
  start_exceeds_deadline: { status: 503, type: 'service_unavailable', source: 'gateway', retry: true },
  shutting_down: { status: 503, type: 'service_unavailable', source: 'gateway', retry: true },
  start_failed: { status: 503, type: 'service_unavailable', source: 'runner', retry: true },
  start_failed_permanently: { status: 503, type: 'service_unavailable', source: 'runner', retry: false },
  start_timed_out: { status: 503, type: 'service_unavailable', source: 'runner', retry: true },
  quarantined: { status: 503, type: 'service_unavailable', source: 'runner', retry: true },
  source_unavailable: { status: 503, type: 'service_unavailable', source: 'gateway', retry: true },
  no_capacity: { status: 503, type: 'service_unavailable', source: 'gateway', retry: true },
  runner_died: { status: 502, type: 'server_error', source: 'runner', retry: true },
  runner_failed: { status: 502, type: 'server_error', source: 'runner', retry: true },
  slow_reader: { status: 499, type: 'invalid_request_error', source: 'client', retry: false },
  ledger_failed: { status: 500, type: 'server_error', source: 'gateway', retry: true },
  interrupted: { status: 500, type: 'server_error', source: 'gateway', retry: true },
  internal: { status: 500, type: 'server_error', source: 'gateway', retry: true },
} as const satisfies Record<string, ErrorRow>;

interface ErrorRow {
  readonly status: number;
  /** OpenAI's `error.type`. */
  readonly type: string;
  /** Who caused it. */
  readonly source: 'client' | 'gateway' | 'runner';
  /** A retry of the same request may help; false sends `x-should-retry: false` with a status clients retry. */
  readonly retry: boolean;
}

export type ErrorCode = keyof typeof ERROR_TABLE;

/** Memory of the host or of a device as arithmetic: what was asked for, what there is, and who holds how much of it. */
export interface Budget {
  /** `memory` for the host's, else the device's name. */
  readonly budget: string;
  readonly neededBytes: number;
  readonly budgetBytes: number;
  readonly inUse: readonly {
    readonly runner: string;
    readonly base: string | null;
    readonly bytes: number;
  }[];
}

/** The arithmetic of the budget that is too small. */
export interface Capacity extends Budget {
  /** The other budgets that it would need something of, or could have had it of. */
  readonly others?: readonly Budget[];
  /** What is kept ready by pins and configuration. */
  readonly pinned?: readonly { readonly combo: string; readonly count: number; readonly bytes: number }[];
}

/**
 * An expected failure as a value. Message grammar: attempted action, quoted value, expected against actual, no final
 * period. `param` names the offending field of the request; never a prompt's content.
 */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly param?: string;
  readonly retryAfterMs?: number;
  /** No retry helps, whatever the table says of the code. */
  readonly isPermanent?: true;
  /** Of a refusal for want of memory. */
  readonly capacity?: Capacity;
}

export type Result<T, E = Failure> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

export const ok = <T>(value: T): Result<T, never> => ({ ok: true, value });
export const fail = (code: ErrorCode, message: string, param?: string): { ok: false; error: Failure } => ({
  ok: false,
  error: param === undefined ? { code, message } : { code, message, param },
});

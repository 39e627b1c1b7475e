import { type Capacity, ERROR_TABLE, type Failure } from './errors.ts';

interface ErrorBody {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string;
  /** Ours, on a refusal for want of memory. */
  readonly needed_bytes?: number;
  readonly budget_bytes?: number;
  readonly in_use?: Capacity['inUse'];
  readonly pinned?: NonNullable<Capacity['pinned']>;
}

/** A failure as OpenAI's clients read it. */
export interface ErrorEnvelope {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly error: ErrorBody };
}

/**
 * OpenAI's error envelope. OpenAI's clients retry 408, 409, 429 and 5xx unless `x-should-retry: false`, which a failure
 * that will not pass carries. `retry-after` is in whole seconds, at least 1, with `retry-after-ms` beside it.
 */
export function errorEnvelope(failure: Failure): ErrorEnvelope {
  const row = ERROR_TABLE[failure.code];
  const headers: Record<string, string> = {};
  if ((!row.retry || failure.isPermanent) && clientsRetry(row.status)) headers['x-should-retry'] = 'false';
  if (failure.retryAfterMs !== undefined) {
    headers['retry-after'] = String(Math.max(1, Math.ceil(failure.retryAfterMs / 1000)));
    headers['retry-after-ms'] = String(Math.max(1, Math.ceil(failure.retryAfterMs)));
  }
  const { message, code, param, capacity } = failure;
  return {
    status: row.status,
    headers,
    body: { error: { message, type: row.type, param: param ?? null, code, ...capacityFields(capacity) } },
  };
}

function capacityFields(
  capacity: Capacity | undefined,
): Pick<ErrorBody, 'needed_bytes' | 'budget_bytes' | 'in_use' | 'pinned'> {
  if (!capacity) return {};
  const { neededBytes, budgetBytes, inUse, pinned } = capacity;
  return { needed_bytes: neededBytes, budget_bytes: budgetBytes, in_use: inUse, ...(pinned && { pinned }) };
}

function clientsRetry(status: number): boolean {
  return status === 408 || status === 409 || status === 429 || status >= 500;
}

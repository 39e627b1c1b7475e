import { type Budget, type Capacity, ERROR_TABLE, type Failure } from './errors.ts';

interface BudgetFields {
  readonly budget: string;
  readonly needed_bytes: number;
  readonly budget_bytes: number;
  readonly in_use: Budget['inUse'];
}

interface ErrorBody {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string;
  /** Ours, on a refusal for want of memory. */
  /** Which budget: `memory`, or a device's name. */
  readonly budget?: string;
  readonly needed_bytes?: number;
  readonly budget_bytes?: number;
  readonly in_use?: Capacity['inUse'];
  readonly pinned?: NonNullable<Capacity['pinned']>;
  readonly other_budgets?: readonly BudgetFields[];
}

/** A failure as OpenAI's clients read it. */
export interface ErrorEnvelope {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly error: ErrorBody };
}

/**
 * OpenAI's error envelope. OpenAI's clients retry 408, 409, 429 and 5xx unless `x-should-retry: false`, which a failure
 * that will not pass carries.
 */
export function errorEnvelope(failure: Failure): ErrorEnvelope {
  const row = ERROR_TABLE[failure.code];
  const headers: Record<string, string> = {};
  if ((!row.retry || failure.isPermanent) && clientsRetry(row.status)) headers['x-should-retry'] = 'false';
  if (failure.retryAfterMs !== undefined) Object.assign(headers, retryAfterHeaders(failure.retryAfterMs));
  const { message, code, param, capacity } = failure;
  return {
    status: row.status,
    headers,
    body: { error: { message, type: row.type, param: param ?? null, code, ...capacityFields(capacity) } },
  };
}

/** `retry-after` is in whole seconds, at least 1 (RFC 9110, 10.2.3); OpenAI's clients prefer `retry-after-ms`. */
export function retryAfterHeaders(retryAfterMs: number): Record<string, string> {
  return {
    'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))),
    'retry-after-ms': String(Math.max(1, Math.ceil(retryAfterMs))),
  };
}

function capacityFields(
  capacity: Capacity | undefined,
): Partial<BudgetFields> & Pick<ErrorBody, 'pinned' | 'other_budgets'> {
  if (!capacity) return {};
  const { pinned, others } = capacity;
  return {
    ...budgetFields(capacity),
    ...(pinned && { pinned }),
    ...(others && { other_budgets: others.map(budgetFields) }),
  };
}

function budgetFields({ budget, neededBytes, budgetBytes, inUse }: Budget): BudgetFields {
  return { budget, needed_bytes: neededBytes, budget_bytes: budgetBytes, in_use: inUse };
}

function clientsRetry(status: number): boolean {
  return status === 408 || status === 409 || status === 429 || status >= 500;
}

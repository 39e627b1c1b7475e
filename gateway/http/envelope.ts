import { ERROR_TABLE, type Failure } from '../domain/errors.ts';

/** OpenAI's error envelope. */
export interface ErrorEnvelope {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

/** An answer that says why: status, headers and body, ready for any way of sending it. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorEnvelope;
}

/** Statuses that OpenAI's clients retry by themselves (openai-node, `shouldRetry`). */
const RETRIED_BY_CLIENTS = (status: number): boolean =>
  status === 408 || status === 409 || status === 429 || status >= 500;

/** The envelope of a failure. `status` overrides the table's where the protocol asks for another (431). */
export function errorAnswer(failure: Failure, status?: number): ErrorAnswer {
  const row = ERROR_TABLE[failure.code];
  const answered = status ?? row.status;
  const headers: Record<string, string> = {};
  if (!row.retry && RETRIED_BY_CLIENTS(answered)) headers['x-should-retry'] = 'false';
  if (row.retry && failure.retryAfterMs !== undefined) {
    const waitMs = Math.max(0, Math.ceil(failure.retryAfterMs));
    headers['retry-after'] = String(Math.max(1, Math.ceil(waitMs / 1000)));
    headers['retry-after-ms'] = String(waitMs);
  }
  if (answered === 401) headers['www-authenticate'] = 'Bearer';
  return { status: answered, headers, body: envelopeOf(failure) };
}

export function envelopeOf(failure: Failure): ErrorEnvelope {
  const { code, message, param } = failure;
  return { error: { message, type: ERROR_TABLE[code].type, param: param ?? null, code } };
}

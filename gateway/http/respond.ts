import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { errorEnvelope } from '../domain/envelope.ts';
import type { Failure } from '../domain/errors.ts';
import type { HttpEnv } from './deps.ts';

/** Answers with the error envelope; `x-request-id` is already among the context's headers. */
export function sendFailure(c: Context<HttpEnv>, failure: Failure): Response {
  const { status, headers, body } = errorEnvelope(failure);
  return c.json(body, status as ContentfulStatusCode, { ...headers });
}

/**
 * Puts a header on the answer, whoever writes it. On node's own response where there is one: hono's need a `Response`,
 * which an answer that does not go over it would make for nothing (0.1 ms).
 */
export function answerHeader(c: Context<HttpEnv>, name: string, value: string): void {
  const outgoing = c.env?.outgoing;
  if (outgoing) outgoing.setHeader(name, value);
  else c.header(name, value);
}

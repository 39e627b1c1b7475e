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

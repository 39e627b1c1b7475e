import { randomUUID } from 'node:crypto';
import type { Context, Next } from 'hono';
import type { HttpEnv } from './deps.ts';
import { discardRest } from './discard.ts';
import { answerHeader } from './respond.ts';

const CLIENT_ID = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Gives every request an id of ours: it is the ledger's key, so a client's own `x-request-id` is not taken for it but
 * sent back as `x-client-request-id`. What a refusal left unread of the body is taken before its answer goes.
 */
export async function requestContext(c: Context<HttpEnv>, next: Next): Promise<void> {
  const requestId = newRequestId();
  c.set('requestId', requestId);
  answerHeader(c, 'x-request-id', requestId);
  const clientId = c.req.header('x-request-id');
  if (clientId !== undefined && CLIENT_ID.test(clientId)) {
    c.set('clientRequestId', clientId);
    answerHeader(c, 'x-client-request-id', clientId);
  }
  await next();
  const { incoming, outgoing } = c.env ?? {};
  if (incoming && outgoing) await discardRest(incoming, outgoing);
}

export function newRequestId(): string {
  return `req_${randomUUID()}`;
}

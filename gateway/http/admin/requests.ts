import { randomUUID } from 'node:crypto';
import type { Hono } from 'hono';
import type { Correction } from '../../domain/correction.ts';
import { fail, ok, type Result } from '../../domain/errors.ts';
import { requestId } from '../../domain/ids.ts';
import type { RequestRecord } from '../../domain/requestRecord.ts';
import type { RequestFilter, RequestPosition } from '../../ports/ledgerReads.ts';
import type { HttpDeps, HttpEnv } from '../deps.ts';
import { sendFailure } from '../respond.ts';
import { readAdminBody, readQuery } from './input.ts';
import { accountRowOf, correctionRowOf, requestRowOf } from './requestRows.ts';
import { type CorrectionBody, correctionBody, type RequestsQuery, requestsQuery } from './requestSchemas.ts';

/** The ledger: list, show, correct. */
export function requestHandlers(app: Hono<HttpEnv>, deps: HttpDeps): void {
  app.get('/admin/v1/requests', async (c) => {
    const query = readQuery(c, requestsQuery);
    if (!query.ok) return sendFailure(c, query.error);
    const after = readCursor(query.value.cursor);
    if (!after.ok) return sendFailure(c, after.error);
    const { limit } = query.value;
    // One more than is shown tells whether there are more.
    const records = await deps.ledger.list(filterOf(query.value), after.value, limit + 1);
    const last = records.length > limit ? records[limit - 1] : undefined;
    return c.json({
      object: 'list',
      data: records.slice(0, limit).map(requestRowOf),
      next_cursor: last ? cursorOf(last) : null,
    });
  });

  app.get('/admin/v1/requests/:id', async (c) => {
    const id = c.req.param('id');
    const account = await deps.ledger.account(id);
    if (account) return c.json(accountRowOf(account));
    const message = `Cannot find request ${JSON.stringify(id.slice(0, 128))}: it is not in the ledger`;
    return sendFailure(c, fail('not_found', message).error);
  });

  app.post('/admin/v1/requests/:id/corrections', async (c) => {
    const body = await readAdminBody(c, correctionBody, deps.limits);
    if (!body.ok) return sendFailure(c, body.error);
    const made = await deps.ledger.correct(correctionOf(c.req.param('id'), body.value, deps.clock.epochMs()));
    return made.ok ? c.json(correctionRowOf(made.value), 201) : sendFailure(c, made.error);
  });
}

function correctionOf(id: string, body: CorrectionBody, madeAtEpochMs: number): Correction {
  return {
    id: `cor_${randomUUID()}`,
    requestId: requestId(id),
    madeAtEpochMs,
    reason: body.reason,
    author: 'admin',
    promptTokens: body.prompt_tokens,
    cachedTokens: body.cached_tokens,
    completionTokens: body.completion_tokens,
    costMicroUsd: body.cost_micro_usd,
  };
}

function filterOf(query: RequestsQuery): RequestFilter {
  return {
    fromEpochMs: query.from === undefined ? undefined : Date.parse(query.from),
    toEpochMs: query.to === undefined ? undefined : Date.parse(query.to),
    combo: query.combo,
    keyId: query.key_id,
    httpStatus: query.status,
    errorCode: query.error_code,
    requestId: query.request_id,
  };
}

function cursorOf({ arrivedAtEpochMs, requestId: id }: RequestRecord): string {
  return Buffer.from(`${arrivedAtEpochMs} ${id}`).toString('base64url');
}

function readCursor(cursor: string | undefined): Result<RequestPosition | null> {
  if (cursor === undefined) return ok(null);
  const [, arrived, id] = /^(\d{1,15}) (\S{1,128})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (arrived !== undefined && id !== undefined) {
    return ok({ arrivedAtEpochMs: Number(arrived), requestId: id });
  }
  return fail('invalid_request', 'Cannot read `cursor`: expected `next_cursor` of another page', 'cursor');
}

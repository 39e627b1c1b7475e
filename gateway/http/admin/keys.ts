import type { Context, Hono } from 'hono';
import { budgetStanding } from '../../access/budgets.ts';
import {
  ALL_SCOPES,
  type ApiKey,
  type KeyBudget,
  type KeyLimits,
  NO_LIMITS,
  stateOf,
} from '../../domain/apiKey.ts';
import { fail, type Result } from '../../domain/errors.ts';
import type { SpendBook } from '../../ports/spendBook.ts';
import type { KeyChanges, KeyTerms, MadeKey } from '../../shell/keys/keyControl.ts';
import type { HttpDeps, HttpEnv } from '../deps.ts';
import { sendFailure } from '../respond.ts';
import { readAdminBody, readOptionalBody, readQuery } from './input.ts';
import { type KeyFields, type KeyRow, keyBody, keyChanges, keysQuery, rotateBody } from './keySchemas.ts';

/** API keys: list, make, show, change, rotate, delete. */
export function keyHandlers(app: Hono<HttpEnv>, deps: HttpDeps): void {
  const { keys, clock, limits, spend } = deps;
  const rowOf = (key: ApiKey): KeyRow => keyRowOf(key, spend, clock.epochMs());

  const sendMade = (c: Context<HttpEnv>, made: Result<MadeKey>, status: 200 | 201): Response => {
    if (!made.ok) return sendFailure(c, made.error);
    const { key, secret } = made.value;
    return c.json({ ...rowOf(key), key: secret }, status, { 'cache-control': 'no-store' });
  };

  app.get('/admin/v1/keys', (c) => {
    const query = readQuery(c, keysQuery);
    if (!query.ok) return sendFailure(c, query.error);
    const withDeleted = query.value.deleted === 'true';
    const shown = keys.list().filter((key) => withDeleted || key.deletedAtEpochMs === null);
    return c.json({ object: 'list', data: shown.map(rowOf) });
  });

  app.post('/admin/v1/keys', async (c) => {
    const body = await readAdminBody(c, keyBody, limits);
    if (!body.ok) return sendFailure(c, body.error);
    return sendMade(c, await keys.create(newTerms(body.value.name, body.value)), 201);
  });

  app.get('/admin/v1/keys/:id', (c) => {
    const id = c.req.param('id');
    const key = keys.get(id);
    if (key) return c.json(rowOf(key));
    return sendFailure(c, fail('not_found', `Cannot find API key "${id.slice(0, 64)}": there is none`).error);
  });

  app.patch('/admin/v1/keys/:id', async (c) => {
    const body = await readAdminBody(c, keyChanges, limits);
    if (!body.ok) return sendFailure(c, body.error);
    const changed = await keys.change(c.req.param('id'), changesOf(body.value));
    return changed.ok ? c.json(rowOf(changed.value)) : sendFailure(c, changed.error);
  });

  app.post('/admin/v1/keys/:id/rotate', async (c) => {
    const body = await readOptionalBody(c, rotateBody, limits);
    if (!body.ok) return sendFailure(c, body.error);
    return sendMade(c, await keys.rotate(c.req.param('id'), body.value.grace), 200);
  });

  app.delete('/admin/v1/keys/:id', async (c) => {
    const id = c.req.param('id');
    const removed = await keys.remove(id);
    return removed.ok ? c.json({ id, object: 'api_key', deleted: true }) : sendFailure(c, removed.error);
  });
}

function newTerms(name: string, fields: KeyFields): KeyTerms {
  return {
    scopes: ALL_SCOPES,
    limits: NO_LIMITS,
    budget: null,
    tags: {},
    weight: 1,
    expiresAtEpochMs: null,
    ...changesOf(fields),
    name,
  };
}

function changesOf({
  name,
  scopes,
  limits,
  budget,
  tags,
  weight,
  expires_at,
  disabled,
}: KeyFields): KeyChanges {
  return {
    ...(name === undefined ? {} : { name }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(limits === undefined ? {} : { limits: limitsOf(limits) }),
    ...(budget === undefined ? {} : { budget: budget && budgetOf(budget) }),
    ...(tags === undefined ? {} : { tags }),
    ...(weight === undefined ? {} : { weight }),
    ...(expires_at === undefined ? {} : { expiresAtEpochMs: expires_at && Date.parse(expires_at) }),
    ...(disabled === undefined ? {} : { disabled }),
  } as KeyChanges;
}

function limitsOf(fields: NonNullable<KeyFields['limits']>): KeyLimits {
  return {
    requestsPerMinute: fields.requests_per_minute,
    tokensPerMinute: fields.tokens_per_minute,
    concurrentRequests: fields.concurrent_requests,
  };
}

function budgetOf(fields: NonNullable<KeyFields['budget']>): KeyBudget {
  return {
    period: fields.period,
    softMicroUsd: fields.soft_micro_usd,
    hardMicroUsd: fields.hard_micro_usd,
  };
}

function keyRowOf(key: ApiKey, spend: Spends, nowEpochMs: number): KeyRow {
  const { scopes, limits, budget, previous } = key;
  const isGrace = previous !== null && previous.untilEpochMs > nowEpochMs;
  return {
    id: key.id,
    object: 'api_key',
    name: key.name,
    prefix: key.secret.prefix,
    state: stateOf(key, nowEpochMs),
    scopes: {
      models: listOf(scopes.models),
      adapters: listOf(scopes.adapters),
      endpoints: listOf(scopes.endpoints),
    },
    limits: {
      requests_per_minute: limits.requestsPerMinute,
      tokens_per_minute: limits.tokensPerMinute,
      concurrent_requests: limits.concurrentRequests,
    },
    budget: budget && {
      period: budget.period,
      soft_micro_usd: budget.softMicroUsd,
      hard_micro_usd: budget.hardMicroUsd,
    },
    budget_state: stateOfBudget(key, spend, nowEpochMs),
    tags: { ...key.tags },
    weight: key.weight,
    created: Math.floor(key.createdAtEpochMs / 1000),
    rotated: key.rotatedAtEpochMs && Math.floor(key.rotatedAtEpochMs / 1000),
    expires_at: isoOf(key.expiresAtEpochMs),
    disabled: key.disabledAtEpochMs !== null,
    previous_until: isGrace ? isoOf(previous.untilEpochMs) : null,
  };
}

type Spends = Pick<SpendBook, 'spent'>;

function stateOfBudget({ id, budget }: ApiKey, spend: Spends, nowEpochMs: number): KeyRow['budget_state'] {
  if (budget === null) return null;
  const spent = spend.spent(id, budget.period, nowEpochMs);
  const standing = budgetStanding(budget, spent, nowEpochMs);
  return {
    used_micro_usd: spent.settledMicroUsd,
    reserved_micro_usd: spent.reservedMicroUsd,
    left_micro_usd: standing.leftMicroUsd,
    soft_passed: standing.isSoftPassed,
    used_up: standing.isUsedUp,
    resets_at: new Date(standing.resetsAtEpochMs).toISOString(),
  };
}

function listOf<T>(names: readonly T[] | null): T[] | null {
  return names && [...names];
}

function isoOf(epochMs: number | null): string | null {
  return epochMs === null ? null : new Date(epochMs).toISOString();
}

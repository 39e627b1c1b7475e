import { beforeEach, describe, expect, test } from 'vitest';
import { reservationOf } from '../../gateway/domain/admission.ts';
import { NO_COST } from '../../gateway/domain/cost.ts';
import { FREE } from '../../gateway/domain/prices.ts';
import { createApp } from '../../gateway/http/app.ts';
import type { HttpApp } from '../../gateway/http/deps.ts';
import { goDuration } from '../../gateway/http/rateLimitHeaders.ts';
import { requestRecord } from '../fakes/records.ts';
import { ADMIN_TOKEN, type FakeWorld } from './fakes.ts';
import { start } from './startServer.ts';

let world: FakeWorld;
let url: string;
let app: HttpApp;
beforeEach(async () => {
  const started = await start();
  ({ world, url } = started);
  app = createApp(world.deps);
});

async function admin(method: string, path: string, body?: unknown): Promise<[number, any]> {
  const answer = await fetch(`${url}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return [answer.status, await answer.json()];
}

async function newKey(terms: object = {}): Promise<{ id: string; key: string }> {
  const [status, row] = await admin('POST', '/keys', { name: 'k', ...terms });
  expect(status).toBe(201);
  return row;
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

function chat(
  key: string,
  changes: object = {},
  headers: Record<string, string> = bearer(key),
): Promise<Response> {
  const body = {
    model: 'tiny-chat',
    max_tokens: 10,
    messages: [{ role: 'user', content: 'hi' }],
    ...changes,
  };
  return fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function modelIds(key: string): Promise<string[]> {
  const answer = await fetch(`${url}/v1/models`, { headers: bearer(key) });
  return ((await answer.json()) as { data: { id: string }[] }).data.map(({ id }) => id);
}

describe('/admin/v1/keys', () => {
  test('makes a key whose secret is told once', async () => {
    const answer = await fetch(`${url}/admin/v1/keys`, {
      method: 'POST',
      headers: bearer(ADMIN_TOKEN),
      body: JSON.stringify({ name: 'search', budget: { period: 'month', hard_micro_usd: 5_000_000 } }),
    });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const { key, ...row } = (await answer.json()) as { key: string; id: string };
    expect(key).toMatch(/^hk_/);
    expect(row).toEqual({
      id: expect.stringMatching(/^key_/),
      object: 'api_key',
      name: 'search',
      prefix: key.slice(0, 9),
      state: 'active',
      scopes: { models: null, adapters: null, endpoints: null },
      limits: { requests_per_minute: null, tokens_per_minute: null, concurrent_requests: null },
      budget: { period: 'month', soft_micro_usd: null, hard_micro_usd: 5_000_000 },
      budget_state: {
        used_micro_usd: 0,
        reserved_micro_usd: 0,
        left_micro_usd: 5_000_000,
        soft_passed: false,
        used_up: false,
        resets_at: expect.stringMatching(/^\d{4}-\d\d-01T00:00:00\.000Z$/),
      },
      tags: {},
      weight: 1,
      created: Date.UTC(2027, 0, 15, 12) / 1000,
      rotated: null,
      expires_at: null,
      disabled: false,
      previous_until: null,
    });
    expect(await admin('GET', '/keys')).toEqual([200, { object: 'list', data: [row] }]);
    expect(await admin('GET', `/keys/${row.id}`)).toEqual([200, row]);
  });

  test('changes what is named and leaves the rest', async () => {
    const { id } = await newKey({ tags: { team: 'a' }, limits: { requests_per_minute: 5 } });
    const [status, row] = await admin('PATCH', `/keys/${id}`, {
      tags: { team: 'b' },
      expires_at: '2027-02-01T01:00:00+01:00',
      disabled: true,
      budget: { period: 'day', soft_micro_usd: 1 },
    });
    expect(status).toBe(200);
    expect(row).toMatchObject({
      name: 'k',
      state: 'disabled',
      disabled: true,
      tags: { team: 'b' },
      expires_at: '2027-02-01T00:00:00.000Z',
      limits: { requests_per_minute: 5 },
      budget: { period: 'day', soft_micro_usd: 1, hard_micro_usd: null },
    });
    expect((await admin('PATCH', `/keys/${id}`, { budget: null, expires_at: null }))[1]).toMatchObject({
      budget: null,
      budget_state: null,
      expires_at: null,
      disabled: true,
    });
  });

  test('rotates with a grace, or without a body at once', async () => {
    const { id, key } = await newKey();
    const [, rotated] = await admin('POST', `/keys/${id}/rotate`, { grace: '1h' });
    expect(rotated).toMatchObject({ id, previous_until: '2027-01-15T13:00:00.000Z' });
    expect((await chat(key)).status).toBe(200);
    const [status, again] = await admin('POST', `/keys/${id}/rotate`);
    expect([status, again.previous_until]).toEqual([200, null]);
    expect((await chat(rotated.key)).status).toBe(401);
    expect((await chat(again.key)).status).toBe(200);
  });

  test('keeps a deleted key in view, but out of the list', async () => {
    const { id, key } = await newKey();
    await newKey();
    expect(await admin('DELETE', `/keys/${id}`)).toEqual([200, { id, object: 'api_key', deleted: true }]);
    expect((await admin('GET', '/keys'))[1].data).toHaveLength(1);
    expect((await admin('GET', '/keys?deleted=true'))[1].data).toHaveLength(2);
    expect((await admin('GET', `/keys/${id}`))[1].state).toBe('deleted');
    expect((await admin('PATCH', `/keys/${id}`, { disabled: false }))[0]).toBe(409);
    expect((await chat(key)).status).toBe(401);
  });

  test.each([
    ['no name', {}],
    ['an unknown field', { name: 'k', nope: 1 }],
    ['a limit of 0', { name: 'k', limits: { requests_per_minute: 0 } }],
    ['an unknown endpoint', { name: 'k', scopes: { endpoints: ['chat'] } }],
    ['a bad time', { name: 'k', expires_at: 'tomorrow' }],
    ['a budget without a period', { name: 'k', budget: { hard_micro_usd: 1 } }],
    ['a bad tag', { name: 'k', tags: { 'Team X': 'a' } }],
  ])('refuses %s', async (_, body) => {
    const [status, { error }] = await admin('POST', '/keys', body);
    expect([status, error.code]).toEqual([400, 'invalid_request']);
  });

  test('tells which scope names nothing', async () => {
    const [status, { error }] = await admin('POST', '/keys', { name: 'k', scopes: { models: ['nope'] } });
    expect([status, error.code, error.param]).toEqual([404, 'model_not_found', 'scopes.models[0]']);
  });

  test('has no key of that id, on any path', async () => {
    const calls = [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['POST', '/rotate'],
    ] as const;
    for (const [method, suffix] of calls) {
      const body = method === 'PATCH' ? {} : undefined;
      expect((await admin(method, `/keys/key_none${suffix}`, body))[0]).toBe(404);
    }
  });
});

describe('keyAuth()', () => {
  test('wants no key while none exists, and one on all of /v1 from then on', async () => {
    expect((await chat('anything')).status).toBe(200);
    expect(world.inference.served.at(-1)).toMatchObject({ keyId: null, weight: 1 });
    const { id, key } = await newKey({ weight: 2 });
    for (const path of ['/v1/models', '/v1/models/tiny-chat', '/v1/nope']) {
      expect((await fetch(`${url}${path}`)).status).toBe(401);
    }
    for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json']) {
      expect((await fetch(`${url}${path}`)).status).toBe(200);
    }
    expect((await chat('', {}, { 'x-api-key': key })).status).toBe(200);
    expect(world.inference.served.at(-1)).toMatchObject({ keyId: id, tenant: id, weight: 2 });
  });

  test('answers as OpenAI does, and quotes no credential', async () => {
    await newKey();
    const answer = await chat('hk_wrong-secret-of-somebody');
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    const text = await answer.text();
    expect(JSON.parse(text)).toEqual({
      error: {
        message: 'Incorrect API key provided',
        type: 'authentication_error',
        param: null,
        code: 'invalid_api_key',
      },
    });
    expect(world.inference.refusals).toEqual([]);
  });

  test('never takes the admin token for a key, nor a key for the admin token', async () => {
    const { key } = await newKey();
    expect((await chat(ADMIN_TOKEN)).status).toBe(401);
    const asAdmin = await fetch(`${url}/admin/v1/keys`, { headers: bearer(key) });
    expect(asAdmin.status).toBe(401);
    expect(world.refusedCredentials).toEqual(['client invalid_api_key', 'admin invalid_api_key']);
  });
});

describe('scopes', () => {
  test('bound models, adapters and endpoints', async () => {
    const { id, key } = await newKey({
      scopes: { models: ['tiny-chat'], adapters: ['pirate'], endpoints: ['chat_completions'] },
    });
    for (const model of ['tiny-chat', 'tiny-chat:pirate', 'pirate']) {
      expect((await chat(key, { model })).status).toBe(200);
    }
    for (const [model, lora] of [
      ['other', []],
      ['tiny-chat+json', []],
      ['tiny-chat', [{ id: 'json' }]],
    ]) {
      const answer = await chat(key, { model, lora });
      expect([answer.status, await answer.json()]).toMatchObject([
        403,
        { error: { type: 'permission_error', code: 'permission_denied', param: 'model' } },
      ]);
    }
    expect(world.inference.refusals).toHaveLength(3);
    expect(world.inference.refusals[0]).toMatchObject({ keyId: id, httpStatus: 403 });
    const completion = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: bearer(key),
      body: JSON.stringify({ model: 'tiny-chat', prompt: 'x' }),
    });
    expect(completion.status).toBe(403);
    expect(await modelIds(key)).toEqual(['tiny-chat', 'tiny-chat+pirate']);
    expect((await fetch(`${url}/v1/models/other`, { headers: bearer(key) })).status).toBe(403);
    expect((await fetch(`${url}/v1/models/nope`, { headers: bearer(key) })).status).toBe(404);
  });

  test('of a combo are that combo alone', async () => {
    const { key } = await newKey({ scopes: { models: ['tiny-chat:pirate'], adapters: [] } });
    expect((await chat(key, { model: 'tiny-chat+pirate' })).status).toBe(200);
    expect((await chat(key, { model: 'tiny-chat+pirate@0.5' })).status).toBe(403);
    expect((await chat(key)).status).toBe(403);
    expect(await modelIds(key)).toEqual(['tiny-chat+pirate']);
  });

  test('that are empty permit nothing', async () => {
    const { key } = await newKey({ scopes: { models: [] } });
    expect((await chat(key)).status).toBe(403);
    expect(await modelIds(key)).toEqual([]);
  });
});

describe('limits', () => {
  test('answer 429 with what is left, and when to come again', async () => {
    const { key } = await newKey({ limits: { requests_per_minute: 2, tokens_per_minute: 6000 } });
    const first = await chat(key);
    expect(first.status).toBe(200);
    const { headers } = first;
    expect(headers.get('x-ratelimit-limit-requests')).toBe('2');
    expect(headers.get('x-ratelimit-remaining-requests')).toBe('1');
    expect(headers.get('x-ratelimit-reset-requests')).toBe('30s');
    expect(headers.get('x-ratelimit-limit-tokens')).toBe('6000');
    expect(Number(headers.get('x-ratelimit-remaining-tokens'))).toBeLessThan(5990);
    await chat(key);
    const refused = await chat(key);
    expect([refused.status, await refused.json()]).toMatchObject([
      429,
      { error: { type: 'rate_limit_error', code: 'rate_limit_exceeded' } },
    ]);
    expect(refused.headers.get('retry-after')).toBe('30');
    expect(refused.headers.get('retry-after-ms')).toBe('30000');
    expect(refused.headers.get('x-should-retry')).toBeNull();
    expect(refused.headers.get('x-ratelimit-remaining-requests')).toBe('0');
    world.keys.pass(30_000);
    expect((await chat(key)).status).toBe(200);
  });

  test('count requests that run, until their answers have ended', async () => {
    const { key } = await newKey({ limits: { concurrent_requests: 1 } });
    let end = (): void => {};
    const { answer } = world.inference;
    world.inference.answer = (request, sink) =>
      new Promise((resolve) => {
        end = () => resolve(answer(request, sink));
      });
    const running = chat(key);
    await expect.poll(() => world.inference.served.length).toBe(1);
    expect((await chat(key)).status).toBe(429);
    end();
    expect((await running).status).toBe(200);
    world.inference.answer = answer;
    await expect.poll(async () => (await chat(key)).status).toBe(200);
  });

  test('refuse for ever what is larger than a minute’s tokens', async () => {
    const { key } = await newKey({ limits: { tokens_per_minute: 500 } });
    const refused = await chat(key, { max_tokens: 501 });
    expect([refused.status, refused.headers.get('x-should-retry')]).toEqual([429, 'false']);
    expect((await chat(key, { max_tokens: undefined })).status).toBe(200);
  });

  test('of a budget warn, then refuse until its period ends', async () => {
    const epochMs = (): number => world.keys.clock.nowEpochMs;
    const book = { ...FREE, default: { inputPerMillion: 1, outputPerMillion: 1 } };
    Object.assign(world.deps, {
      clock: { monoMs: () => performance.now(), epochMs },
      reserve: (...[combo, bounds]: Parameters<typeof world.deps.reserve>) =>
        reservationOf(combo.name, bounds, 'none', book),
    });
    const budget = { period: 'day', soft_micro_usd: 1, hard_micro_usd: 1000 };
    const { id, key } = await newKey({ budget });
    world.inference.answer = (request, sink) => {
      const cost = { ...NO_COST, totalMicroUsd: 1000 };
      world.keys.access.ended(requestRecord(request.requestId, { cost }));
      sink.head(200, {});
      sink.end('{}');
    };
    const first = await chat(key);
    expect(first.headers.get('x-hearth-budget-warning')).toContain('reset=2027-01-16T00:00:00.000Z');
    const refused = await chat(key);
    expect([refused.status, await refused.json()]).toMatchObject([
      429,
      { error: { code: 'budget_exceeded', message: expect.stringContaining('2027-01-16T00:00:00.000Z') } },
    ]);
    expect(refused.headers.get('retry-after')).toBe(String(12 * 3600));
    expect(refused.headers.get('x-should-retry')).toBe('false');
    expect(world.inference.refusals.at(-1)).toMatchObject({ keyId: id, errorCode: 'budget_exceeded' });
    expect((await admin('GET', `/keys/${id}`))[1]).toMatchObject({
      budget_state: { used_micro_usd: 1000, left_micro_usd: 0, soft_passed: true, used_up: true },
    });
    world.keys.pass(12 * 3_600_000);
    expect((await chat(key)).status).toBe(200);
  });

  test('are not charged for what is refused for another reason', async () => {
    const { key } = await newKey({ limits: { requests_per_minute: 1 } });
    expect((await chat(key, { temperature: 99 })).status).toBe(400);
    expect((await chat(key, { model: 'nope' })).status).toBe(404);
    expect((await chat(key)).status).toBe(200);
  });
});

test('routes under /v1 keep their 405 and 404 for those with a key', async () => {
  const { key } = await newKey();
  const answer = await app.request('/v1/chat/completions', { method: 'DELETE', headers: bearer(key) });
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
});

test.each([
  [0, '0s'],
  [16.2, '17ms'],
  [7660, '7.66s'],
  [179_560, '2m59.56s'],
  [3_600_000, '1h0m0s'],
])('goDuration() writes %d ms as %s', (ms, text) => {
  expect(goDuration(ms)).toBe(text);
});

import { expect, test } from 'vitest';
import { errorEnvelope } from '../../gateway/domain/envelope.ts';
import { ERROR_TABLE, type ErrorCode } from '../../gateway/domain/errors.ts';
import { createApp } from '../../gateway/http/app.ts';
import { ADMIN_TOKEN, fakeModel, fakeWorld } from './fakes.ts';

const world = fakeWorld();
const app = createApp(world.deps);
await world.catalogue.addAlias({ name: 'chat:latest', target: 'tiny-chat:pirate' });

test('createApp() answers an unknown path with the envelope', async () => {
  const answer = await app.request('/nope');
  expect(answer.status).toBe(404);
  expect(answer.headers.get('x-request-id')).toMatch(/^req_[\w-]{36}$/);
  expect(await answer.json()).toEqual({
    error: {
      message: 'Cannot find path "/nope"',
      type: 'invalid_request_error',
      param: null,
      code: 'not_found',
    },
  });
});

test.each([
  ['GET', '/v1/chat/completions', 'POST, OPTIONS'],
  ['HEAD', '/v1/embeddings', 'POST, OPTIONS'],
  ['PUT', '/v1/models', 'GET, HEAD, OPTIONS'],
  ['DELETE', '/v1/models/tiny-chat', 'GET, HEAD, OPTIONS'],
])('createApp() answers %s %s with 405 and what is allowed', async (method, path, allow) => {
  const answer = await app.request(path, { method });
  expect(answer.status).toBe(405);
  expect(answer.headers.get('allow')).toBe(allow);
});

test('createApp() names PUT among what a pin takes', async () => {
  const answer = await app.request('/admin/v1/pins/tiny-chat', {
    method: 'PATCH',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD, PUT, DELETE, OPTIONS']);
});

test('createApp() answers OPTIONS and HEAD', async () => {
  const options = await app.request('/v1/completions', { method: 'OPTIONS' });
  expect([options.status, options.headers.get('allow')]).toEqual([204, 'POST, OPTIONS']);
  const head = await app.request('/v1/models', { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test('requestContext() makes the id itself and echoes a sane one of the client', async () => {
  const answer = await app.request('/healthz', { headers: { 'x-request-id': 'abc-1' } });
  expect(answer.headers.get('x-request-id')).not.toBe('abc-1');
  expect(answer.headers.get('x-client-request-id')).toBe('abc-1');
  const odd = await app.request('/healthz', { headers: { 'x-request-id': 'a b' } });
  expect(odd.headers.get('x-client-request-id')).toBeNull();
});

test('healthHandlers() tell alive, ready, metrics and the document', async () => {
  expect(await (await app.request('/healthz')).json()).toEqual({ status: 'ok' });
  expect((await app.request('/readyz')).status).toBe(200);
  expect(await (await app.request('/metrics')).text()).toBe('# metrics\n');
  expect(await (await app.request('/openapi.json')).json()).toMatchObject({ openapi: '3.1.0' });
});

test('/readyz gives the reason when requests cannot be served', async () => {
  const other = fakeWorld();
  other.pool.notReadyReason = () => 'draining';
  const answer = await createApp(other.deps).request('/readyz');
  expect([answer.status, await answer.json()]).toEqual([503, { status: 'not_ready', reason: 'draining' }]);
});

test('listModels() lists bases, adapters as combos, and aliases', async () => {
  const body = (await (await app.request('/v1/models')).json()) as { object: string; data: { id: string }[] };
  expect(body.object).toBe('list');
  expect(body.data.map((card) => card.id)).toEqual([
    'tiny-chat',
    'other',
    'tiny-chat+pirate',
    'tiny-chat+json',
    'other+foreign',
    'chat:latest',
  ]);
  expect(body.data[0]).toEqual({
    id: 'tiny-chat',
    object: 'model',
    created: 1_700_000_000,
    owned_by: 'hearth',
    root: 'tiny-chat',
    parent: null,
    status: { value: 'unloaded' },
  });
  expect(body.data[2]).toMatchObject({
    root: 'tiny-chat+pirate',
    parent: 'tiny-chat',
    status: { value: 'loaded' },
  });
  expect(body.data[5]).toMatchObject({ root: 'tiny-chat+pirate', parent: 'tiny-chat' });
});

test.each([
  ['tiny-chat', 'tiny-chat'],
  ['chat:latest', 'chat:latest'],
  ['chat%3Alatest', 'chat:latest'],
  ['tiny-chat:pirate', 'tiny-chat+pirate'],
  ['tiny-chat+pirate@0.5+json', 'tiny-chat+json+pirate@0.5'],
  ['tiny-chat%2Bpirate%400.5', 'tiny-chat+pirate@0.5'],
])('getModel() answers %s as %s', async (written, id) => {
  const answer = await app.request(`/v1/models/${written}`);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ id, object: 'model' });
});

test('getModel() finds ids with a slash, encoded or not', async () => {
  await world.catalogue.addModel({ id: 'org/name', path: '/m' });
  for (const path of ['org/name', 'org%2Fname']) {
    expect(await (await app.request(`/v1/models/${path}`)).json()).toMatchObject({ id: 'org/name' });
  }
});

test.each([
  ['missing', 404, 'model_not_found'],
  ['tiny-chat:missing', 404, 'model_not_found'],
  ['tiny-chat:foreign', 400, 'invalid_lora'],
  ['tiny-chat%', 404, 'model_not_found'],
])('getModel() refuses %s', async (name, status, code) => {
  const answer = await app.request(`/v1/models/${name}`);
  expect([answer.status, await answer.json()]).toMatchObject([status, { error: { code } }]);
});

test('createApp() hides what an exception says', async () => {
  const other = fakeWorld();
  other.pool.baseStatus = () => {
    throw new Error('secret detail');
  };
  const answer = await createApp(other.deps).request('/v1/models');
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain('secret');
  expect(other.errors).toHaveLength(1);
});

test('errorEnvelope() tells clients not to retry what a retry cannot help', () => {
  for (const code of Object.keys(ERROR_TABLE) as ErrorCode[]) {
    const { status, headers, body } = errorEnvelope({ code, message: 'm', param: 'p' });
    const retried = [408, 409, 429].includes(status) || status >= 500;
    expect(headers['x-should-retry']).toBe(retried && !ERROR_TABLE[code].retry ? 'false' : undefined);
    expect(body.error).toEqual({ message: 'm', type: ERROR_TABLE[code].type, param: 'p', code });
  }
});

test('errorEnvelope() gives the wait in whole seconds, at least one, and in milliseconds', () => {
  const waits = [1, 1200].map((retryAfterMs) =>
    errorEnvelope({ code: 'queue_full', message: 'm', retryAfterMs }),
  );
  expect(waits.map(({ headers }) => [headers['retry-after'], headers['retry-after-ms']])).toEqual([
    ['1', '1'],
    ['2', '1200'],
  ]);
});

test('a request for a model whose source was never reached is a 503 that says when to come again, and starts nothing', async () => {
  const own = fakeWorld();
  const model = fakeModel({ id: 'far', path: 'https://weights.example/far.gguf', contextTokens: 0 });
  own.catalogue.models.set(model.id, {
    ...model,
    unavailable: 'Cannot read "https://weights.example/far.gguf": down',
  });
  const answer = await createApp(own.deps).request('/v1/chat/completions', {
    method: 'POST',
    body: JSON.stringify({ model: 'far', max_tokens: 5, messages: [{ role: 'user', content: 'Hi' }] }),
  });
  expect([answer.status, await answer.json()]).toMatchObject([
    503,
    { error: { code: 'source_unavailable', type: 'service_unavailable' } },
  ]);
  expect(answer.headers.get('retry-after')).toBe('15');
  expect(own.inference.served).toEqual([]);
  expect(own.inference.refusals).toMatchObject([{ httpStatus: 503, errorCode: 'source_unavailable' }]);
});

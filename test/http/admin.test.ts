import { beforeEach, expect, test } from 'vitest';
import { fail } from '../../gateway/domain/errors.ts';
import { createApp } from '../../gateway/http/app.ts';
import type { HttpApp } from '../../gateway/http/deps.ts';
import { ADMIN_TOKEN, type FakeWorld, fakeWorld } from './fakes.ts';

let world: FakeWorld;
let app: HttpApp;
beforeEach(() => {
  world = fakeWorld();
  app = createApp(world.deps);
});

async function admin(method: string, path: string, body?: unknown): Promise<[number, Record<string, never>]> {
  const answer = await app.request(`/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return [answer.status, (await answer.json()) as Record<string, never>];
}

test.each([
  ['no token', '/admin/v1/models', {}],
  ['another token', '/admin/v1/models', { authorization: 'Bearer nope' }],
  ['another scheme', '/admin/v1/models', { authorization: `Basic ${ADMIN_TOKEN}` }],
  ['no token on an unknown path', '/admin/v1/nope', {}],
  ['no token on a path above', '/admin', {}],
])('adminAuth() refuses %s', async (_, path, headers) => {
  const answer = await app.request(path, { method: 'POST', headers, body: 'not json' });
  expect(answer.status).toBe(401);
  expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  expect(await answer.json()).toMatchObject({
    error: { type: 'authentication_error', code: 'invalid_api_key', param: null },
  });
});

test('adminAuth() lets the token on, also to 404 and 405', async () => {
  expect((await admin('GET', '/nope'))[0]).toBe(404);
  expect((await admin('DELETE', '/runners'))[0]).toBe(405);
});

test('POST /admin/v1/models adds with 201 and replaces with 200', async () => {
  const body = {
    id: 'org/new',
    path: '/x.gguf',
    context: 512,
    sequences: 4,
    max_sequences: 16,
    threads: 2,
    device_layers: 0,
    mmap: false,
    repack: false,
    kv_budget_bytes: 1024,
    idle_ttl: '5m',
    chat_template: '{{ x }}',
    owned_by: 'me',
  };
  const [status, row] = await admin('POST', '/models', body);
  expect(status).toBe(201);
  expect(row).toMatchObject({ ...body, idle_ttl: 300, object: 'model', source: 'api' });
  expect((await admin('POST', '/models', { ...body, idle_ttl: -1 }))[0]).toBe(200);
  expect((await admin('GET', '/models/org%2Fnew'))[1]).toMatchObject({ id: 'org/new', idle_ttl: null });
});

test('POST /admin/v1/models takes what GET shows of itself for idle_ttl', async () => {
  await admin('POST', '/models', { id: 'a', path: '/x', idle_ttl: null });
  expect(world.catalogue.models.get('a' as never)?.idleTtlMs).toBeNull();
  await admin('POST', '/models', { id: 'a', path: '/x', idle_ttl: 2.5 });
  expect(world.catalogue.models.get('a' as never)?.idleTtlMs).toBe(2500);
});

test.each([
  [{ id: 'a', path: '/x', colour: 1 }, 'colour'],
  [{ id: 'a' }, 'path'],
  [{ id: 'a b', path: '/x' }, 'id'],
  [{ id: 'a', path: '/x', context: 0 }, 'context'],
  [{ id: 'a', path: '/x', idle_ttl: 'soon' }, 'idle_ttl'],
])('POST /admin/v1/models refuses %j', async (body, param) => {
  const [status, answer] = await admin('POST', '/models', body);
  expect([status, answer]).toMatchObject([400, { error: { param, code: 'invalid_request' } }]);
});

test('models and adapters behind URIs are shown with their digest and without the URI’s query', async () => {
  const digest = `sha256:${'0a'.repeat(32)}`;
  const path = 'https://weights.example/x.gguf?X-Amz-Signature=secret';
  const shown = { path: 'https://weights.example/x.gguf', digest, unavailable: null };
  expect(await admin('POST', '/models', { id: 'far', path, digest })).toMatchObject([201, shown]);
  expect(await admin('POST', '/adapters', { id: 'lora', base: 'far', path, digest })).toMatchObject([
    201,
    shown,
  ]);
  expect(world.catalogue.models.get('far' as never)?.path).toBe(path);
  expect(await admin('GET', '/models/tiny-chat')).toMatchObject([200, { digest: null, unavailable: null }]);
  expect(await admin('POST', '/models', { id: 'far', path, digest: 'sha256:1' })).toMatchObject([
    400,
    { error: { param: 'digest' } },
  ]);
});

test('POST /admin/v1/models refuses broken JSON', async () => {
  expect(await admin('POST', '/models', '{"id":')).toMatchObject([400, { error: { code: 'invalid_json' } }]);
});

test('adapters are listed, shown, added and removed', async () => {
  const [status, row] = await admin('POST', '/adapters', {
    id: 'n',
    base: 'tiny-chat',
    path: '/a',
    scale: 0.5,
  });
  expect([status, row]).toMatchObject([201, { id: 'n', base: 'tiny-chat', scale: 0.5, object: 'adapter' }]);
  const [, list] = await admin('GET', '/adapters');
  expect(list['data']).toHaveLength(4);
  expect(await admin('GET', '/adapters/n')).toMatchObject([200, { id: 'n' }]);
  expect(await admin('DELETE', '/adapters/n')).toEqual([200, { id: 'n', object: 'adapter', deleted: true }]);
  expect(await admin('DELETE', '/adapters/n')).toMatchObject([404, { error: { code: 'not_found' } }]);
  expect(await admin('POST', '/adapters', { id: 'n', base: 'gone', path: '/a' })).toMatchObject([
    404,
    { error: { param: 'base' } },
  ]);
});

test('aliases are listed, shown, added and removed', async () => {
  const [status] = await admin('POST', '/aliases', { name: 'best:now', target: 'tiny-chat+pirate' });
  expect(status).toBe(201);
  expect(await admin('GET', '/aliases')).toMatchObject([
    200,
    { object: 'list', data: [{ name: 'best:now' }] },
  ]);
  expect(await admin('GET', '/aliases/best:now')).toMatchObject([200, { target: 'tiny-chat+pirate' }]);
  expect(await admin('DELETE', '/aliases/best%3Anow')).toMatchObject([
    200,
    { id: 'best:now', deleted: true },
  ]);
  expect((await admin('GET', '/aliases/best:now'))[0]).toBe(404);
});

test('GET /admin/v1/runners shows the runners of the pool, /standbys those without a base', async () => {
  const runner = {
    id: 'r_1',
    pid: 7,
    state: 'ready' as const,
    base: 'tiny-chat',
    combos: ['tiny-chat'],
    sequences: { 'tiny-chat': 4 },
    device: 'cpu',
    memory: { weight_bytes: 1, kv_bytes: 2, compute_bytes: 3, device_bytes: 0, resident_bytes: null },
    upload: null,
    counters: {},
    occupancy: {
      sequences: { used: 1, possible: 4 },
      kv_cells: { used: 7, possible: 2048 },
      mean: null,
    },
    threads: 2,
    active_requests: 0,
    started_at: '2026-01-01T00:00:00.000Z',
  };
  const standby = { ...runner, id: 'r_2', state: 'standby' as const, base: null, combos: [], sequences: {} };
  world.pool.runners = async () => [runner, standby];
  expect(await admin('GET', '/runners')).toEqual([200, { object: 'list', data: [runner, standby] }]);
  expect(await admin('GET', '/standbys')).toEqual([200, { object: 'list', data: [standby] }]);
});

test('POST /admin/v1/combos/{combo}/warm and /evict order the pool', async () => {
  expect(await admin('POST', '/combos/tiny-chat:pirate/warm')).toEqual([
    200,
    { object: 'combo', combo: 'tiny-chat+pirate', runner: 'r_1', start: 'cold' },
  ]);
  expect(await admin('POST', '/combos/tiny-chat%2Bpirate%400.5/evict')).toEqual([
    200,
    { object: 'combo', combo: 'tiny-chat+pirate@0.5', evicted: true },
  ]);
  expect((await admin('POST', '/combos/gone/warm'))[0]).toBe(404);
  world.pool.evict = async () => fail('conflict', 'Cannot evict combo "x": a request uses it');
  expect(await admin('POST', '/combos/tiny-chat/evict')).toMatchObject([
    409,
    { error: { code: 'conflict' } },
  ]);
});

test('GET /admin/v1/events lists the newest within the limit', async () => {
  world.deps.events.append({ atEpochMs: 0, type: 'runner_spawned', runnerId: 'r_1', detail: { pid: 1 } });
  world.deps.events.append({ atEpochMs: 1, type: 'combo_ready', combo: 'tiny-chat' });
  expect(await admin('GET', '/events?limit=1')).toEqual([
    200,
    {
      object: 'list',
      data: [
        {
          object: 'event',
          at: '1970-01-01T00:00:00.000Z',
          type: 'runner_spawned',
          runner: 'r_1',
          combo: null,
          detail: { pid: 1 },
        },
      ],
    },
  ]);
  expect(await admin('GET', '/events?limit=0')).toMatchObject([400, { error: { param: 'limit' } }]);
});

test('POST /admin/v1/reload reads the configuration again and says what is wrong with it', async () => {
  expect(await admin('POST', '/reload')).toEqual([200, { object: 'catalogue', reloaded: true }]);
  expect(world.catalogue.reloads).toBe(1);
  world.catalogue.reload = async () => fail('invalid_request', 'Cannot read "x.yaml": models[0].path');
  expect((await admin('POST', '/reload'))[0]).toBe(400);
});

test('GET /admin/v1/combos lists what the pool knows, DELETE /admin/v1/quarantines/{combo} lets it start', async () => {
  const row = {
    object: 'combo',
    combo: 'tiny-chat',
    base: 'tiny-chat',
    status: 'unloaded',
    runners: [],
    waiting: 0,
    quarantine: null,
  } as const;
  world.pool.combos = () => [row];
  expect(await admin('GET', '/combos')).toEqual([200, { object: 'list', data: [row] }]);
  world.pool.liftQuarantine = async ({ name }) => ({ ok: true, value: { lifted: name.includes('pirate') } });
  expect(await admin('DELETE', '/quarantines/tiny-chat%2Bpirate')).toEqual([
    200,
    { object: 'quarantine', combo: 'tiny-chat+pirate', lifted: true },
  ]);
  expect(await admin('DELETE', '/quarantines/nobody')).toMatchObject([
    404,
    { error: { code: 'model_not_found' } },
  ]);
});

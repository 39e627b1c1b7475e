import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BANANA, banana, DEMO_FILES, user } from './chat.ts';
import { isAlive, startGateway, type TestGateway, until } from './startGateway.ts';

const CHAT = '/v1/chat/completions';
const ENTRIES: [path: string, body: Record<string, unknown>][] = [
  ['/models', { id: 'second', path: DEMO_FILES.base, context: 512, sequences: 2, owned_by: 'qa' }],
  ['/adapters', { id: 'second-pirate', base: 'second', path: DEMO_FILES.pirate, scale: 0.5 }],
  ['/aliases', { name: 'gpt-4:latest', target: 'second+second-pirate' }],
];

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({ standbys: 0 });
});
afterAll(() => gateway.dispose());

const keyOf = (body: Record<string, unknown>) => String(body['id'] ?? body['name']);
const ask = async (model: string, of = gateway) => {
  const response = await of.post(CHAT, banana(model));
  const json = (await response.json()) as any;
  return json.choices?.[0]?.message.content ?? json.error.code;
};

describe('the admin token', () => {
  test.each([
    ['none', {}],
    ['another', { authorization: 'Bearer not-the-token' }],
    ['an empty one', { authorization: 'Bearer ' }],
    ['a basic one', { authorization: 'Basic YWRtaW46YWRtaW4=' }],
  ])('is needed everywhere under /admin: %s is 401', async (_, headers) => {
    for (const [method, path] of [
      ['GET', '/models'],
      ['GET', '/runners'],
      ['POST', '/models'],
      ['POST', '/combos/tiny-chat/warm'],
      ['DELETE', '/adapters/pirate'],
      ['GET', '/nothing-here'],
    ] as const) {
      const response = await fetch(`${gateway.url}/admin/v1${path}`, { method, headers: { ...headers } });
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
      expect(await response.json()).toMatchObject({
        error: { type: 'authentication_error', code: 'invalid_api_key', param: null },
      });
    }
    expect(await gateway.runners()).toEqual([]);
  });

  test.each([
    ['/healthz', '"status":"ok"'],
    ['/readyz', '"status":"ready"'],
    ['/metrics', '# TYPE hearth_requests_total counter'],
    ['/openapi.json', '"/v1/chat/completions"'],
    ['/v1/models', '"tiny-chat"'],
  ])('is not needed for %s', async (path, text) => {
    const response = await fetch(`${gateway.url}${path}`);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain(text);
  });

  test('/openapi.json describes every admin route and every inference endpoint', async () => {
    const document = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as any;
    expect(document.openapi).toMatch(/^3\.1/);
    for (const path of [
      CHAT,
      '/v1/completions',
      '/v1/embeddings',
      '/v1/models',
      '/admin/v1/models/{id}',
      '/admin/v1/combos/{combo}/warm',
      '/admin/v1/events',
      '/admin/v1/runners',
    ]) {
      expect(document.paths).toHaveProperty([path]);
    }
  });
});

describe('entries of the catalogue', () => {
  test.each(ENTRIES)('%s are added, shown and listed', async (path, body) => {
    const added = await gateway.admin('POST', path, body);
    expect(added.status).toBe(201);
    expect(added.json).toMatchObject({ ...body, source: 'api' });
    expect(await gateway.admin('GET', `${path}/${keyOf(body)}`)).toEqual({ status: 200, json: added.json });
    const { json } = await gateway.admin('GET', path);
    expect(json.object).toBe('list');
    expect(json.data).toContainEqual(added.json);
  });

  test('serve requests at once, also by the new alias', async () => {
    expect(await ask('second')).toBe(BANANA.base);
    const { data } = (await (await fetch(`${gateway.url}/v1/models`)).json()) as any;
    expect(data.map(({ id }: { id: string }) => id)).toEqual(
      expect.arrayContaining(['second', 'second+second-pirate', 'gpt-4:latest']),
    );
    const response = await gateway.post(CHAT, banana('gpt-4:latest'));
    expect([response.status, response.headers.get('x-hearth-combo')]).toEqual([200, 'second+second-pirate']);
    await response.text();
  });

  test('outlive the gateway', async () => {
    const before = await Promise.all(ENTRIES.map(([path]) => gateway.admin('GET', path)));
    expect(await gateway.end()).toBe(0);
    gateway = await startGateway({ directory: gateway.directory, standbys: 0 });
    expect(await Promise.all(ENTRIES.map(([path]) => gateway.admin('GET', path)))).toMatchObject(
      before.map(({ json }) => ({
        json: {
          data: json.data.map(({ id, name, source }: any) => (id ? { id, source } : { name, source })),
        },
      })),
    );
    expect(await ask('second')).toBe(BANANA.base);
  });

  test.each([
    ['/models', { id: 'tiny-chat', path: DEMO_FILES.base }, 409, 'id'],
    ['/models', { id: 'pirate', path: DEMO_FILES.base }, 409, 'id'],
    ['/models', { id: 'a+b', path: DEMO_FILES.base }, 400, 'id'],
    ['/models', { id: 'gone', path: '/nowhere/model.gguf' }, 400, 'path'],
    ['/models', { id: 'lora-as-model', path: DEMO_FILES.pirate }, 400, 'path'],
    ['/models', { id: 'x', path: DEMO_FILES.base, colour: 'red' }, 400, 'colour'],
    ['/models', { id: 'x', path: DEMO_FILES.base, context: -1 }, 400, 'context'],
    ['/models', { id: 'x' }, 400, 'path'],
    ['/adapters', { id: 'pirate', base: 'tiny-chat', path: DEMO_FILES.pirate }, 409, 'id'],
    ['/adapters', { id: 'x', base: 'nope', path: DEMO_FILES.pirate }, 404, 'base'],
    ['/adapters', { id: 'x', base: 'tiny-chat', path: DEMO_FILES.base }, 400, 'path'],
    ['/adapters', { id: 'x', base: 'tiny-chat', path: DEMO_FILES.pirate, scale: 'big' }, 400, 'scale'],
    ['/aliases', { name: 'tiny-chat', target: 'second' }, 409, 'name'],
    ['/aliases', { name: 'x', target: 'nope' }, 404, 'target'],
    ['/aliases', { name: 'a b', target: 'second' }, 400, 'name'],
  ])('POST %s %j is refused with %d, naming the field', async (path, body, status, param) => {
    const refused = await gateway.admin('POST', path, body);
    expect([refused.status, refused.json.error.param]).toEqual([status, param]);
    expect(Object.keys(refused.json.error).toSorted()).toEqual(['code', 'message', 'param', 'type']);
  });

  test('that others need, or that the file has, are not removed', async () => {
    for (const path of [
      '/models/second',
      '/adapters/second-pirate',
      '/models/tiny-chat',
      '/adapters/pirate',
    ]) {
      const refused = await gateway.admin('DELETE', path);
      expect([path, refused.status, refused.json.error?.code]).toEqual([path, 409, 'conflict']);
    }
    expect((await gateway.admin('DELETE', '/models/nope')).status).toBe(404);
  });

  test('are removed, for requests and over a restart', async () => {
    for (const [path, body] of ENTRIES.toReversed()) {
      const key = keyOf(body);
      const removed = await gateway.admin('DELETE', `${path}/${key}`);
      expect(removed).toMatchObject({ status: 200, json: { id: key, deleted: true } });
      expect((await gateway.admin('GET', `${path}/${key}`)).status).toBe(404);
    }
    expect(await ask('second')).toBe('model_not_found');
    await until(
      async () => (await gateway.runners()).every(({ base }) => base !== 'second'),
      'its runner has gone',
    );
    expect(await gateway.end()).toBe(0);
    gateway = await startGateway({ directory: gateway.directory, standbys: 0 });
    expect(await ask('gpt-4:latest')).toBe('model_not_found');
  });
});

describe('an adapter that is replaced under the same id', () => {
  test('is a new revision that answers with the new weights, and the old one does not mix', async () => {
    const path = join(gateway.directory, 'style.gguf');
    copyFileSync(DEMO_FILES.pirate, path);
    const first = await gateway.admin('POST', '/adapters', { id: 'style', base: 'tiny-chat', path });
    expect(await ask('tiny-chat:style')).toBe(BANANA.pirate);
    // In the middle of answers by the old weights.
    const story = { ...banana('tiny-chat:style'), messages: user('Count to 12.') };
    const streams = await Promise.all(
      Array.from({ length: 6 }, () => gateway.post(CHAT, { ...story, stream: true })),
    );
    const second = await gateway.admin('POST', '/adapters', {
      id: 'style',
      base: 'tiny-chat',
      path: DEMO_FILES.json,
    });
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.json.revision).not.toBe(first.json.revision);
    const during = await Promise.all([...Array.from({ length: 6 }, () => ask('tiny-chat:style'))]);
    expect(during).toEqual(Array.from({ length: 6 }, () => BANANA.json));
    for (const stream of streams) {
      const text = [...(await stream.text()).matchAll(/"content":"((?:[^"\\]|\\.)*)"/g)]
        .map((match) => match[1])
        .join('');
      expect(text).toBe('Arr! 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, matey!');
    }
    await until(
      async () =>
        (await gateway.runners()).flatMap(({ combos }) => combos).filter((name) => name === 'tiny-chat+style')
          .length === 1,
      'only the new revision is left',
    );
  });

  test('by new bytes in the same file is a new revision after a reload', async () => {
    const path = join(gateway.directory, 'rewritten.gguf');
    copyFileSync(DEMO_FILES.pirate, path);
    await gateway.admin('POST', '/adapters', { id: 'rewritten', base: 'tiny-chat', path });
    expect(await ask('tiny-chat:rewritten')).toBe(BANANA.pirate);
    copyFileSync(DEMO_FILES.json, path);
    expect((await gateway.admin('POST', '/reload')).status).toBe(200);
    expect(await ask('tiny-chat:rewritten')).toBe(BANANA.json);
  });
});

describe('runners and combos', () => {
  test('GET /runners lists a living runner with its numbers', async () => {
    await ask('tiny-chat:pirate');
    const { json } = await gateway.admin('GET', '/runners');
    expect(json.object).toBe('list');
    expect(json.data).toHaveLength(1);
    const [runner] = json.data;
    expect(runner).toMatchObject({
      id: expect.stringMatching(/^r_/),
      state: 'ready',
      base: 'tiny-chat',
      combos: expect.arrayContaining(['tiny-chat+pirate']),
      device: 'cpu',
      active_requests: 0,
    });
    expect(isAlive(runner.pid)).toBe(true);
    expect(runner.threads).toBeGreaterThan(0);
    expect(runner.memory.weight_bytes).toBeGreaterThan(5_000_000);
    expect(runner.memory.kv_bytes).toBeGreaterThan(0);
    expect(runner.memory.resident_bytes).toBeGreaterThan(runner.memory.weight_bytes);
    expect(runner.counters.requests).toBeGreaterThan(0);
  });

  test('warm makes a combo ready, is joined by a request, and is warm the second time', async () => {
    await gateway.admin('POST', '/combos/tiny-chat+json/evict');
    const [warmed, response] = await Promise.all([
      gateway.admin('POST', '/combos/tiny-chat+json/warm'),
      gateway.post(CHAT, banana('tiny-chat:json')),
    ]);
    expect(warmed).toMatchObject({
      status: 200,
      json: { object: 'combo', combo: 'tiny-chat+json', start: 'attach' },
    });
    expect(response.headers.get('x-hearth-start')).toMatch(/attach|warm/);
    expect(((await response.json()) as any).choices[0].message.content).toBe(BANANA.json);
    const again = await gateway.admin('POST', '/combos/tiny-chat:json/warm');
    expect(again.json).toMatchObject({ start: 'warm', runner: warmed.json.runner, combo: 'tiny-chat+json' });
    expect((await gateway.admin('POST', '/combos/tiny-chat+nope/warm')).status).toBe(404);
  });

  test('evict is idempotent, and 409 while a request uses the combo', async () => {
    const response = await gateway.post(CHAT, {
      ...banana('tiny-chat:json'),
      logit_bias: { 700: 100 },
      stream: true,
    });
    const busy = await gateway.admin('POST', '/combos/tiny-chat+json/evict');
    expect([busy.status, busy.json.error?.code]).toEqual([409, 'conflict']);
    const states = (await gateway.runners()).map(({ state }) => state);
    await response.body?.cancel();
    expect(states).toEqual(['busy']);
    await until(async () => (await gateway.runners()).every(({ state }) => state === 'ready'), 'it is idle');
    const evicted = await gateway.admin('POST', '/combos/tiny-chat+json/evict');
    expect(evicted).toMatchObject({ status: 200, json: { combo: 'tiny-chat+json', evicted: true } });
    const again = await gateway.admin('POST', '/combos/tiny-chat+json/evict');
    expect(again).toMatchObject({ status: 200, json: { evicted: false } });
    expect((await gateway.runners()).flatMap(({ combos }) => combos)).not.toContain('tiny-chat+json');
  });

  test('GET /events lists the newest first, within a limit', async () => {
    const { json } = await gateway.admin('GET', '/events?limit=5');
    expect(json.object).toBe('list');
    expect(json.data).toHaveLength(5);
    const times = json.data.map(({ at }: { at: string }) => Date.parse(at));
    expect(times).toEqual(times.toSorted((a: number, b: number) => b - a));
    const all = (await gateway.admin('GET', '/events?limit=1000')).json.data;
    const types = new Set(all.map(({ type }: { type: string }) => type));
    expect([...types]).toEqual(expect.arrayContaining(['adapter_replaced', 'model_added', 'model_removed']));
    expect((await gateway.admin('GET', '/events?limit=0')).json.error.param).toBe('limit');
  });
});

import { afterEach, describe, expect, test } from 'vitest';
import { BANANA, banana } from './chat.ts';
import { readRequests } from './readRequests.ts';
import { demoConfig, startGateway, type TestGateway, until } from './startGateway.ts';

/** The demo base, which may sleep although it is on the CPU. */
const sleepy = (pool = ''): string => `${demoConfig()}defaults: { sleep: true }\n${pool}`;

const gateways: TestGateway[] = [];

async function start(options: Parameters<typeof startGateway>[0] = {}): Promise<TestGateway> {
  const gateway = await startGateway({ config: sleepy(), standbys: 0, ...options });
  gateways.push(gateway);
  return gateway;
}

afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.dispose();
});

async function ask(gateway: TestGateway, model: string): Promise<{ text: string; start: string | null }> {
  const response = await gateway.post('/v1/chat/completions', banana(model));
  const json = (await response.json()) as any;
  if (response.status !== 200) throw new Error(`${response.status}: ${json.error.message}`);
  return { text: json.choices[0].message.content, start: response.headers.get('x-hearth-start') };
}

const rows = async (gateway: TestGateway): Promise<any[]> =>
  (await gateway.admin('GET', '/runners')).json.data;

const statusOf = async (gateway: TestGateway): Promise<string> =>
  ((await (await fetch(`${gateway.url}/v1/models/tiny-chat`)).json()) as any).status.value;

/** Tells the runner to sleep and waits until its event says that it does. */
async function putToSleep(gateway: TestGateway, id: string): Promise<void> {
  const { status, json } = await gateway.admin('POST', `/runners/${id}/sleep`);
  expect([status, json]).toEqual([200, { object: 'runner', id, state: 'asleep' }]);
  await until(async () => (await typesOf(gateway)).includes('runner_asleep'), 'the runner sleeps');
}

const typesOf = async (gateway: TestGateway): Promise<string[]> =>
  (await gateway.admin('GET', '/events?limit=1000')).json.data.map(({ type }: any) => type);

describe('a runner that is put to sleep', () => {
  test('gives its memory back, keeps its process, and is woken by the next request, whose answer is right', async () => {
    const gateway = await start();
    expect((await ask(gateway, 'tiny-chat')).start).toBe('cold');
    expect((await ask(gateway, 'tiny-chat+pirate')).start).toBe('attach');
    const [before] = await rows(gateway);
    await putToSleep(gateway, before.id);
    const [asleep] = await rows(gateway);
    expect(asleep).toMatchObject({ id: before.id, pid: before.pid, state: 'asleep', combos: [] });
    expect(asleep).toMatchObject({ base: 'tiny-chat', active_requests: 0 });
    const { memory } = asleep;
    expect([memory.weight_bytes, memory.kv_bytes, memory.compute_bytes]).toEqual([0, 0, 0]);
    // The weights, and of buffers what had been used; its own heap may have grown by a little meanwhile.
    expect(memory.resident_bytes).toBeLessThan(before.memory.resident_bytes - before.memory.weight_bytes / 2);
    expect(await statusOf(gateway)).toBe('sleeping');

    expect(await ask(gateway, 'tiny-chat+pirate')).toEqual({ text: BANANA.pirate, start: 'wake' });
    expect(await ask(gateway, 'tiny-chat')).toEqual({ text: BANANA.base, start: 'attach' });
    expect(await ask(gateway, 'tiny-chat')).toEqual({ text: BANANA.base, start: 'warm' });
    const [awake, ...others] = await rows(gateway);
    expect(others).toEqual([]);
    expect(awake).toMatchObject({ id: before.id, pid: before.pid, state: 'ready' });
    expect(await statusOf(gateway)).toBe('loaded');
    expect(awake.counters.requests).toBe(5);

    const woken = readRequests(gateway.dataDir).find(({ start_kind: kind }) => kind === 'wake');
    expect(woken).toMatchObject({ spawn_ms: null, runner_id: before.id });
    expect(woken?.load_ms).toBeGreaterThan(0);
    const phases = ['queue', 'load', 'attach', 'context', 'prefill', 'decode'] as const;
    const sum = phases.reduce((total, phase) => total + (woken?.[`${phase}_ms`] ?? 0), 0);
    expect(sum).toBeCloseTo(woken?.total_ms ?? 0, 3);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toMatch(/hearth_start_duration_seconds_count\{.*start="wake"/);
  });

  test('is woken by order without a request, and a second order changes nothing', async () => {
    const gateway = await start();
    await ask(gateway, 'tiny-chat');
    const [{ id }] = await rows(gateway);
    await putToSleep(gateway, id);
    expect((await gateway.admin('POST', `/runners/${id}/sleep`)).json.state).toBe('asleep');
    expect((await gateway.admin('POST', `/runners/${id}/wake`)).json.state).toBe('loading');
    await until(async () => (await rows(gateway))[0].state === 'ready', 'it is awake');
    expect((await gateway.admin('POST', `/runners/${id}/wake`)).json.state).toBe('ready');
    expect(await ask(gateway, 'tiny-chat')).toEqual({ text: BANANA.base, start: 'attach' });
  });

  test('is adopted asleep by the next gateway, which wakes it', async () => {
    const gateway = await start({ environment: { HEARTH_LEASE: '30s' } });
    await ask(gateway, 'tiny-chat');
    const [{ id, pid }] = await rows(gateway);
    await putToSleep(gateway, id);
    await gateway.end('SIGKILL');
    const next = await start({ directory: gateway.directory, environment: { HEARTH_LEASE: '30s' } });
    expect(await rows(next)).toMatchObject([{ id, pid, state: 'asleep', base: 'tiny-chat' }]);
    expect(await ask(next, 'tiny-chat')).toEqual({ text: BANANA.base, start: 'wake' });
    expect(await rows(next)).toMatchObject([{ id, pid, state: 'ready' }]);
  });
});

describe('POST /admin/v1/runners/{id}/sleep', () => {
  test('is a 409 while the runner is pinned or busy, and a 404 for an unknown one', async () => {
    const gateway = await start();
    await ask(gateway, 'tiny-chat');
    const [{ id }] = await rows(gateway);
    await gateway.admin('PUT', '/pins/tiny-chat', { level: 'ready' });
    const pinned = await gateway.admin('POST', `/runners/${id}/sleep`);
    expect([pinned.status, pinned.json.error.message]).toEqual([
      409,
      `Cannot put runner "${id}" to sleep: it is pinned`,
    ]);
    await gateway.admin('DELETE', '/pins/tiny-chat');
    const stream = await gateway.openai().chat.completions.create({
      model: 'tiny-chat',
      messages: [{ role: 'user', content: 'Count for a long time' }],
      stream: true,
      max_tokens: 1500,
      logit_bias: { 2: -100 },
    });
    const busy = await gateway.admin('POST', `/runners/${id}/sleep`);
    expect(busy.status).toBe(409);
    stream.controller.abort();
    for (const order of ['sleep', 'wake']) {
      const unknown = await gateway.admin('POST', `/runners/r_gone/${order}`);
      expect([unknown.status, unknown.json.error.code]).toEqual([404, 'not_found']);
    }
  });
});

test('a base that gives its place to another sleeps, and is woken when it is asked for again', async () => {
  const second = `  - { id: other, path: ${import.meta.dirname}/../../demo/models/tiny-chat-q8_0.gguf }\nadapters:`;
  const config = sleepy('pool: { max_runners: 1, swap_after: 100ms }\n').replace('adapters:', second);
  const gateway = await start({ config });
  expect((await ask(gateway, 'tiny-chat')).start).toBe('cold');
  expect((await ask(gateway, 'other')).start).toBe('cold');
  expect((await rows(gateway)).map(({ base, state }) => [base, state])).toEqual([
    ['tiny-chat', 'asleep'],
    ['other', 'ready'],
  ]);
  expect(await ask(gateway, 'tiny-chat')).toEqual({ text: BANANA.base, start: 'wake' });
  expect(await ask(gateway, 'other')).toMatchObject({ start: 'wake' });
});

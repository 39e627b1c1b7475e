import { afterEach, describe, expect, test } from 'vitest';
import { BANANA, banana, ENDLESS } from './chat.ts';
import { freeze, spawnedRunner, thawAll } from './frozenRunner.ts';
import { readRequests } from './readRequests.ts';
import { demoConfig, isAlive, startGateway, type TestGateway, until } from './startGateway.ts';

const gateways: TestGateway[] = [];

afterEach(async () => {
  thawAll();
  for (const gateway of gateways.splice(0)) await gateway.dispose();
});

/** Probes every 50 ms; a runner that is silent for two seconds hangs. */
async function start(standbys = 0, pool = ''): Promise<TestGateway> {
  const gateway = await startGateway({
    config: demoConfig(`pool: { probe_every: 50ms, probe_timeout: 2s${pool} }\n`),
    standbys,
  });
  gateways.push(gateway);
  return gateway;
}

async function warm(gateway: TestGateway): Promise<number> {
  await (await gateway.post('/v1/chat/completions', banana('tiny-chat'))).text();
  return (await gateway.runners())[0]!.pid;
}

/** Events are written in groups, a moment after what they tell of. */
async function hangs(gateway: TestGateway, expected: number): Promise<any[]> {
  let found: any[] = [];
  const areThere = async (): Promise<boolean> => {
    const { json } = await gateway.admin('GET', '/events?limit=1000');
    found = json.data.filter((event: any) => event.type === 'runner_hung');
    return found.length >= expected;
  };
  await until(areThere, `${expected} hangs are in the event log`);
  expect(found).toHaveLength(expected);
  return found;
}

async function contentOf(response: Response): Promise<string> {
  return ((await response.json()) as any).choices[0].message.content;
}

describe('a runner that stops without a word', () => {
  test('while idle is replaced before anybody asks for it', async () => {
    const gateway = await start();
    const pid = await warm(gateway);
    freeze(pid);
    await until(() => !isAlive(pid), 'it has been ended');
    const [hang] = await hangs(gateway, 1);
    expect(hang.detail).toMatchObject({ cause: 'silent', state: 'ready', base: 'tiny-chat' });
    expect(hang.detail.forMs).toBeGreaterThanOrEqual(2000);
    const next = await gateway.post('/v1/chat/completions', banana('tiny-chat'));
    expect([next.status, next.headers.get('x-hearth-start')]).toEqual([200, 'cold']);
    expect(await contentOf(next)).toBe(BANANA.base);
  });

  test('is replaced under a request that it has not begun to answer', async () => {
    const gateway = await start();
    const pid = await warm(gateway);
    freeze(pid);
    const response = await gateway.post('/v1/chat/completions', banana('tiny-chat'));
    expect([response.status, response.headers.get('x-hearth-start')]).toEqual([200, 'cold']);
    expect(await contentOf(response)).toBe(BANANA.base);
    await hangs(gateway, 1);
  });

  test('in mid-stream ends it with an error frame', async () => {
    const gateway = await start();
    const pid = await warm(gateway);
    const response = await gateway.post('/v1/completions', { ...ENDLESS, stream: true });
    const reader = response.body!.getReader();
    await reader.read();
    freeze(pid);
    let text = '';
    for (let part = await reader.read(); !part.done; part = await reader.read())
      text += Buffer.from(part.value).toString();
    const { error } = JSON.parse(text.split('\n\n').at(-2)!.replace('data: ', ''));
    expect(error.code).toBe('runner_died');
    expect(error.message).toMatch(/^Cannot finish answer of runner "r_\w+": it hangs$/);
    expect(text).not.toContain('[DONE]');
    await until(() => !isAlive(pid), 'it has been ended');
    expect(readRequests(gateway.dataDir).at(-1)).toMatchObject({ error_code: 'runner_died' });
  });

  test('and is asked to end does not get the time that it would have to finish', async () => {
    const gateway = await start();
    const pid = await warm(gateway);
    freeze(pid);
    const [runner] = await gateway.runners();
    const drained = await gateway.admin('POST', `/runners/${runner!.id}/drain`);
    expect(drained.json).toMatchObject({ state: 'stopping' });
    // Its grace is 30 s, longer than this waits.
    await until(() => !isAlive(pid), 'it has been ended');
    expect((await hangs(gateway, 1))[0].detail).toMatchObject({ state: 'stopping', base: 'tiny-chat' });
  });

  test('before it takes orders is replaced for who waits next', async () => {
    const gateway = await start(0, ', spawn_timeout: 3s');
    const first = gateway.post('/v1/chat/completions', banana('tiny-chat'));
    const pid = await spawnedRunner(gateway);
    freeze(pid);
    const response = await first;
    expect(response.status).toBe(503);
    const { error } = (await response.json()) as any;
    expect(error.message).toBe('Cannot start "tiny-chat": not ready for orders after 3000 ms');
    await until(() => !isAlive(pid), 'it has been ended');
    const next = await gateway.post('/v1/chat/completions', banana('tiny-chat'));
    expect([next.status, await contentOf(next)]).toEqual([200, BANANA.base]);
  });

  test('while it waits as a standby is replaced', async () => {
    const gateway = await start(1);
    const standby = async () => (await gateway.runners()).find(({ state }) => state === 'standby');
    await until(async () => (await standby()) !== undefined, 'there is a standby');
    const pid = (await standby())!.pid;
    freeze(pid);
    await until(async () => ![undefined, pid].includes((await standby())?.pid), 'there is another one');
    expect((await hangs(gateway, 1))[0].detail).toMatchObject({ base: null, state: 'standby' });
  });

  test('while it waits as a standby, and is claimed, costs who claimed it time and no answer', async () => {
    const gateway = await start(1);
    const standby = async () => (await gateway.runners()).find(({ state }) => state === 'standby');
    await until(async () => (await standby()) !== undefined, 'there is a standby');
    const pid = (await standby())!.pid;
    freeze(pid);
    const response = await gateway.post('/v1/chat/completions', banana('tiny-chat'));
    expect([response.status, await contentOf(response)]).toEqual([200, BANANA.base]);
    expect((await hangs(gateway, 1))[0].detail).toMatchObject({ base: 'tiny-chat', state: 'loading' });
  });
});

describe('a gateway that stops for longer than its probes wait', () => {
  test('does not take that for the silence of its runners', async () => {
    const gateway = await start();
    const pid = await warm(gateway);
    freeze(gateway.child.pid!);
    const frozen = performance.now();
    // The clock itself is what is tested: it must run past the limit.
    await until(() => performance.now() - frozen > 4000, 'more than the limit has passed');
    thawAll();
    const response = await gateway.post('/v1/chat/completions', banana('tiny-chat'));
    expect(response.headers.get('x-hearth-start')).toBe('warm');
    await response.text();
    expect((await gateway.runners())[0]?.pid).toBe(pid);
    await hangs(gateway, 0);
  });
});

describe('a busy runner', () => {
  test('answers its probes while it decodes', async () => {
    const gateway = await start();
    const pid = await warm(gateway);
    const streams = Array.from({ length: 8 }, () =>
      gateway.post('/v1/completions', { ...ENDLESS, max_tokens: 200 }),
    );
    for (const response of await Promise.all(streams)) expect(response.status).toBe(200);
    expect((await gateway.runners())[0]?.pid).toBe(pid);
    await hangs(gateway, 0);
  });
});

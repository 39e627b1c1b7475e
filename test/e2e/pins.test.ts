import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BANANA, banana } from './chat.ts';
import { demoConfig, isAlive, startGateway, type TestGateway, until } from './startGateway.ts';

const CHAT = '/v1/chat/completions';
/** The demo base takes 5.8 MB, a combo of 8 x 2,048 tokens 58.9 MB: room for two bases with three combos, or so. */
const BUDGET_BYTES = 190_000_000;
const CONFIG = demoConfig(`pool: { memory: ${BUDGET_BYTES}, swap_after: 100ms, max_runners: 3 }\n`);

async function readyOn(gateway: TestGateway, combo: string): Promise<string[]> {
  const runners = await gateway.runners();
  return runners.filter(({ combos }) => combos.includes(combo)).map(({ id }) => id);
}

const pinOf = async (gateway: TestGateway, combo: string) =>
  (await gateway.admin('GET', `/pins/${combo}`)).json;

describe('a gateway with room for three combos', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({ config: CONFIG });
  });
  afterAll(() => gateway.dispose());

  test('a pin makes its combo ready without a request, which is then warm', async () => {
    const { status, json } = await gateway.admin('PUT', '/pins/tiny-chat:pirate', { level: 'ready' });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      object: 'pin',
      combo: 'tiny-chat+pirate',
      level: 'ready',
      count: 1,
      until: null,
    });
    await until(async () => (await pinOf(gateway, 'tiny-chat+pirate')).state === 'ready', 'the pin is ready');
    const response = await gateway.post(CHAT, banana('tiny-chat:pirate'));
    expect(((await response.json()) as any).choices[0].message.content).toBe(BANANA.pirate);
    expect(response.headers.get('x-hearth-start')).toBe('warm');
  });

  test('what is pinned stays under pressure, with `keep_alive: 0`, and is not evicted by hand', async () => {
    const [pinned] = await readyOn(gateway, 'tiny-chat+pirate');
    const names = Array.from({ length: 6 }, (_, at) => `tiny-chat+json@0.${at + 1}`);
    for (const model of names) expect((await gateway.post(CHAT, banana(model))).status).toBe(200);
    await (await gateway.post(CHAT, { ...banana('tiny-chat:pirate'), keep_alive: 0 })).text();
    expect(await readyOn(gateway, 'tiny-chat+pirate')).toEqual([pinned]);
    const evicted = await gateway.admin('POST', '/combos/tiny-chat:pirate/evict');
    expect([evicted.status, evicted.json.error.code]).toEqual([409, 'conflict']);
    expect(evicted.json.error.message).toContain('it is pinned');
  });

  test('a pin that cannot be kept together with the others is a 409 that says who holds what', async () => {
    for (const count of [4, 1e6, 1e15]) {
      const { status, json } = await gateway.admin('PUT', '/pins/tiny-chat', { level: 'ready', count });
      expect(status).toBe(409);
      expect(json.error).toMatchObject({ code: 'conflict', budget_bytes: BUDGET_BYTES });
      expect(json.error.needed_bytes).toBeGreaterThan(count * 58_000_000);
      expect(json.error.pinned).toMatchObject([{ combo: 'tiny-chat+pirate', count: 1 }]);
      expect(json.error.in_use.length).toBeGreaterThan(0);
    }
    expect((await gateway.admin('GET', '/pins')).json.data).toHaveLength(1);
  });

  test('what breaks is put back', async () => {
    const holds = ({ combos }: { combos: string[] }) => combos.includes('tiny-chat+pirate');
    const { id, pid } = (await gateway.runners()).find(holds)!;
    process.kill(pid, 'SIGKILL');
    await until(async () => (await gateway.runners()).every((runner) => runner.id !== id), 'it is gone');
    await until(async () => (await gateway.runners()).some(holds), 'it is back', 5_000);
    expect(isAlive(pid)).toBe(false);
  });

  test('a drained runner takes no new work, and what was pinned on it is ready on another one', async () => {
    const [before = ''] = await readyOn(gateway, 'tiny-chat+pirate');
    const long = gateway
      .openai()
      .chat.completions.create({ ...banana('tiny-chat:pirate'), n: 4, temperature: 1 });
    const drained = await gateway.admin('POST', `/runners/${before}/drain`);
    expect(drained.status).toBe(200);
    expect((await long).choices).toHaveLength(4);
    await until(async () => (await readyOn(gateway, 'tiny-chat+pirate'))[0] !== before, 'it is elsewhere');
    await until(
      async () => (await gateway.runners()).every(({ id }) => id !== before),
      'the drained one has gone',
    );
    expect((await gateway.admin('POST', `/runners/${before}/drain`)).status).toBe(404);
  });

  test('two replicas are on two runners, and a pin whose time is over holds nothing', async () => {
    const untilIso = new Date(Date.now() + 4_000).toISOString();
    const { status } = await gateway.admin('PUT', '/pins/tiny-chat:pirate', {
      level: 'ready',
      count: 2,
      until: untilIso,
    });
    expect(status).toBe(200);
    await until(async () => (await readyOn(gateway, 'tiny-chat+pirate')).length === 2, 'both are ready');
    await until(
      async () => (await gateway.admin('GET', '/pins')).json.data.length === 0,
      'the pin has ended',
    );
    expect((await gateway.admin('POST', '/combos/tiny-chat:pirate/evict')).json).toMatchObject({
      evicted: true,
    });
  });

  test('a staged pin reads its files and holds no runner', async () => {
    expect((await gateway.admin('PUT', '/pins/tiny-chat:json', { level: 'staged' })).status).toBe(200);
    await until(
      async () => (await pinOf(gateway, 'tiny-chat+json')).state === 'staged',
      'its files are read',
    );
    expect((await gateway.admin('DELETE', '/pins/tiny-chat:json')).status).toBe(200);
  });
});

test('pins are kept by the next gateway, which adopts what holds them, or makes them ready again', async () => {
  const first = await startGateway({ config: CONFIG, environment: { HEARTH_LEASE: '20s' } });
  let second: TestGateway | undefined;
  let third: TestGateway | undefined;
  try {
    await first.admin('PUT', '/pins/tiny-chat:pirate', { level: 'ready', count: 2 });
    await until(async () => (await readyOn(first, 'tiny-chat+pirate')).length === 2, 'both are ready');
    const before = (await readyOn(first, 'tiny-chat+pirate')).toSorted();
    await first.end('SIGKILL');
    second = await startGateway({ directory: first.directory, environment: { HEARTH_LEASE: '20s' } });
    expect((await readyOn(second, 'tiny-chat+pirate')).toSorted()).toEqual(before);
    await second.end();
    third = await startGateway({ directory: first.directory });
    await until(async () => (await readyOn(third!, 'tiny-chat+pirate')).length === 2, 'both are ready again');
    expect((await pinOf(third, 'tiny-chat+pirate')).count).toBe(2);
  } finally {
    await second?.end();
    await third?.end();
    await first.dispose();
  }
});

test('the configuration keeps combos ready, preloads others and is listed among the pins', async () => {
  const gateway = await startGateway({
    config: demoConfig(
      'combos: { tiny-chat:json: { min_runners: 1 } }\npool: { preload: [tiny-chat:pirate] }\n',
    ),
  });
  try {
    await until(async () => (await readyOn(gateway, 'tiny-chat+json')).length === 1, 'the minimum is ready');
    await until(async () => (await readyOn(gateway, 'tiny-chat+pirate')).length === 1, 'it is preloaded');
    const { json } = await gateway.admin('GET', '/pins');
    expect(json.data).toMatchObject([
      { combo: 'tiny-chat+json', source: 'file', created: null, state: 'ready' },
    ]);
    expect((await gateway.admin('DELETE', '/pins/tiny-chat:json')).status).toBe(404);
  } finally {
    await gateway.dispose();
  }
});

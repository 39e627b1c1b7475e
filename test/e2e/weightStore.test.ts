import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway, until } from './startGateway.ts';

const QUESTION = [{ role: 'user', content: 'What color is a banana?' }];
const WEIGHTS = join(import.meta.dirname, '../../demo/models/tiny-chat-q8_0.gguf');
const PLAIN = 'A banana is yellow.';
const PIRATE = 'Arr! A banana be yellow, matey!';

const stores: string[] = [];
const gateways: TestGateway[] = [];

afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.end();
  for (const store of stores.splice(0)) rmSync(store, { recursive: true, force: true });
});

function newStore(): string {
  const store = `/dev/shm/hearth-e2e-${process.pid}-${stores.length}-${Date.now()}`;
  stores.push(store);
  return store;
}

async function open(store: string, options: Parameters<typeof startGateway>[0] = {}): Promise<TestGateway> {
  const environment = { HEARTH_STORE_DIR: store, ...options.environment };
  const gateway = await startGateway({ ...options, environment });
  gateways.push(gateway);
  return gateway;
}

async function ask(
  gateway: TestGateway,
  model: string,
): Promise<{ kind: string | null; text: string; timing: string }> {
  const response = await gateway.post('/v1/chat/completions', { model, messages: QUESTION, temperature: 0 });
  const body = (await response.json()) as {
    choices?: { message: { content: string } }[];
    error?: { message: string };
  };
  return {
    kind: response.headers.get('x-hearth-start'),
    timing: response.headers.get('server-timing') ?? '',
    text: body.choices?.[0]?.message.content ?? body.error?.message ?? '',
  };
}

async function endRunners(gateway: TestGateway): Promise<void> {
  for (const { id, base } of await gateway.runners())
    if (base !== null) await gateway.admin('POST', `/runners/${id}/drain`);
  await until(
    async () => (await gateway.runners()).every(({ base }) => base === null),
    'the runners have gone',
  );
}

describe('a gateway with a weight store', () => {
  it('stages a base for its first start, which is cold, and starts the next runner staged', async () => {
    const gateway = await open(newStore());
    const first = await ask(gateway, 'tiny-chat');
    expect([first.kind, first.text]).toEqual(['cold', PLAIN]);
    const { json } = await gateway.admin('GET', '/segments');
    expect(json.data).toMatchObject([{ book: 'bases', state: 'staged', entries: ['tiny-chat'] }]);
    await endRunners(gateway);
    const second = await ask(gateway, 'tiny-chat:pirate');
    expect([second.kind, second.text]).toEqual(['staged', PIRATE]);
    expect(second.timing).not.toContain('stage;');
  });

  it('has its runners map the segment, and no other copy of the weights', async () => {
    const store = newStore();
    const gateway = await open(store);
    await ask(gateway, 'tiny-chat');
    const [runner] = (await gateway.runners()).filter(({ base }) => base !== null);
    const maps = readFileSync(`/proc/${runner?.pid}/maps`, 'utf8').split('\n');
    const weights = maps.filter((line) => line.includes('.gguf'));
    expect(weights.length).toBeGreaterThan(0);
    expect(weights.every((line) => line.includes(join(store, 'bases')))).toBe(true);
  });

  it('finds what an earlier gateway has staged', async () => {
    const store = newStore();
    const first = await open(store);
    await ask(first, 'tiny-chat');
    await first.end();
    const second = await open(store);
    expect((await ask(second, 'tiny-chat')).kind).toBe('staged');
  });

  it('shares the store with another gateway, and drops nothing that the other one uses', async () => {
    const store = newStore();
    const [one, other] = [await open(store), await open(store)];
    expect((await ask(one, 'tiny-chat')).text).toBe(PLAIN);
    expect((await ask(other, 'tiny-chat:pirate')).text).toBe(PIRATE);
    expect(readdirSync(join(store, 'bases'))).toHaveLength(1);
    await endRunners(one);
    expect((await ask(other, 'tiny-chat')).text).toBe(PLAIN);
  });

  it('stages what is pinned to be staged, and no runner for it', async () => {
    const gateway = await open(newStore());
    const { status } = await gateway.admin('PUT', '/pins/tiny-chat+pirate', { level: 'staged' });
    expect(status).toBe(200);
    const state = async () => (await gateway.admin('GET', '/pins/tiny-chat+pirate')).json.state;
    await until(async () => (await state()) === 'staged', 'the pin is staged');
    expect((await gateway.runners()).every(({ base }) => base === null)).toBe(true);
    expect((await ask(gateway, 'tiny-chat:pirate')).kind).toBe('staged');
  });

  it('serves on when its stager is killed, and stages by another one', async () => {
    const gateway = await open(newStore());
    await ask(gateway, 'tiny-chat');
    const stager = childrenOf(gateway.child.pid ?? 0).find((pid) => commandOf(pid).includes('stager.mjs'));
    if (stager === undefined) throw new Error('Cannot find the stager: expected a child of the gateway');
    process.kill(stager, 'SIGKILL');
    expect((await ask(gateway, 'tiny-chat:pirate')).text).toBe(PIRATE);
    await endRunners(gateway);
    expect((await ask(gateway, 'tiny-chat:json')).kind).toBe('staged');
  });

  it('holds each entry of a file to its own digest, whatever another one has staged', async () => {
    const right = createHash('sha256').update(readFileSync(WEIGHTS)).digest('hex');
    const held = (id: string, digest: string) =>
      `  - { id: ${id}, path: ${WEIGHTS}, context: 512, digest: "${digest}" }\n`;
    const config = `models:
  - { id: plain, path: ${WEIGHTS}, context: 512 }
${held('right', `sha256:${right}`)}${held('wrong', `sha256:${'0'.repeat(64)}`)}${held('other', `blake3:${'0'.repeat(64)}`)}`;
    const store = newStore();
    const gateway = await open(store, { config });
    expect((await ask(gateway, 'plain')).text).toBe(PLAIN);
    expect((await ask(gateway, 'right')).text).toBe(PLAIN);
    expect((await ask(gateway, 'wrong')).text).toContain(
      `expected sha256 "${'0'.repeat(64)}", got "${right}"`,
    );
    expect((await ask(gateway, 'other')).text).toContain(`expected blake3 "${'0'.repeat(64)}", got "`);
    expect(readdirSync(join(store, 'bases'))).toHaveLength(1);
  });

  it('does not serve on under a digest that came later and is wrong', async () => {
    const model = `id: tiny-chat, path: ${WEIGHTS}, context: 512`;
    const gateway = await open(newStore(), { config: `models: [{ ${model} }]` });
    expect((await ask(gateway, 'tiny-chat')).text).toBe(PLAIN);
    const digest = `blake3:${'0'.repeat(64)}`;
    writeFileSync(join(gateway.directory, 'hearth.yaml'), `models: [{ ${model}, digest: "${digest}" }]`);
    gateway.child.kill('SIGHUP');
    await until(
      async () => (await gateway.admin('GET', '/models/tiny-chat')).json.digest === digest,
      'the catalogue is read again',
    );
    expect((await ask(gateway, 'tiny-chat')).text).toContain(`expected blake3 "${'0'.repeat(64)}", got "`);
  });

  it('reads the source where the store has no room', async () => {
    const config = `models: [{ id: tiny-chat, path: ${WEIGHTS}, context: 512 }]
weights: { memory: 1MiB }`;
    const gateway = await open(newStore(), { config });
    const answer = await ask(gateway, 'tiny-chat');
    expect([answer.kind, answer.text]).toEqual(['cold', PLAIN]);
    expect((await gateway.admin('GET', '/segments')).json.data).toEqual([]);
  });
});

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
}

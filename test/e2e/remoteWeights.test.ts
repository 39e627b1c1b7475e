import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WeightServer } from '../sources/weightServer.ts';
import { ledger } from './readRequests.ts';
import { ROOT, startGateway, type TestGateway, until } from './startGateway.ts';

const DEMO = join(ROOT, 'demo/models');
const WEIGHTS = join(DEMO, 'tiny-chat-q8_0.gguf');
const PLAIN = 'A banana is yellow.';
const PIRATE = 'Arr! A banana be yellow, matey!';

let server: WeightServer;
let store = '';
const gateways: TestGateway[] = [];

beforeEach(async () => {
  server = await WeightServer.start();
  server.put('/tiny.gguf', readFileSync(WEIGHTS));
  server.put('/pirate.gguf', readFileSync(join(DEMO, 'lora-pirate.gguf')));
  store = `/dev/shm/hearth-e2e-remote-${process.pid}-${Date.now()}`;
});
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.dispose();
  await server.close();
  rmSync(store, { recursive: true, force: true });
});

function configOf(extra = ''): string {
  return `
models: [{ id: tiny, path: "${server.origin}/tiny.gguf", context: 512 }]
adapters: [{ id: pirate, base: tiny, path: "${server.origin}/pirate.gguf" }]
${extra}`;
}

async function open(options: Parameters<typeof startGateway>[0] = {}): Promise<TestGateway> {
  const environment = { HEARTH_STORE_DIR: store, ...options.environment };
  const gateway = await startGateway({ config: configOf(), ...options, environment });
  gateways.push(gateway);
  return gateway;
}

async function ask(gateway: TestGateway, model: string) {
  const messages = [{ role: 'user', content: 'What color is a banana?' }];
  const response = await gateway.post('/v1/chat/completions', { model, messages, temperature: 0 });
  const body = (await response.json()) as {
    choices?: { message: { content: string } }[];
    error?: { message: string };
  };
  return {
    status: response.status,
    kind: response.headers.get('x-hearth-start'),
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

/** Bodies of whole files that the server was asked for, not headers. */
function downloads(path: string): number {
  return server.seen.filter((seen) => seen.path === path && seen.method === 'GET').length;
}

describe('a model behind a URI', () => {
  it('is brought here by its first start, and not again when it has left the weight store', async () => {
    const gateway = await open();
    server.seen.length = 0;
    const first = await ask(gateway, 'tiny+pirate');
    expect([first.status, first.kind, first.text]).toEqual([200, 'cold', PIRATE]);
    // Beside the process's coming up it may be no wait, and so no phase.
    expect((await ledger(gateway, 1))[0]?.download_ms).toBeGreaterThan(0);
    expect([downloads('/tiny.gguf'), downloads('/pirate.gguf')].every((count) => count > 0)).toBe(true);
    const folder = join(gateway.dataDir, 'weights');
    expect(
      readdirSync(folder)
        .flatMap((key) => readdirSync(join(folder, key)))
        .toSorted(),
    ).toEqual(['pirate.gguf', 'tiny.gguf']);

    await endRunners(gateway);
    expect(await ask(gateway, 'tiny')).toMatchObject({ kind: 'staged', text: PLAIN });
    await gateway.end();
    rmSync(store, { recursive: true, force: true });
    const next = await open({ directory: gateway.directory });
    server.seen.length = 0;
    expect(await ask(next, 'tiny+pirate')).toMatchObject({ kind: 'cold', text: PIRATE });
    expect(server.seen).toEqual([]);
  });

  it('is held to its own digest, whatever another entry of its source has staged', async () => {
    const right = createHash('sha256').update(readFileSync(WEIGHTS)).digest('hex');
    const held = (id: string, digest: string) =>
      `{ id: ${id}, path: "${server.origin}/tiny.gguf", context: 512, digest: "sha256:${digest}" }`;
    const config = configOf().replace('}]', `}, ${held('right', right)}, ${held('wrong', '0'.repeat(64))}]`);
    const gateway = await open({ config });
    expect((await ask(gateway, 'tiny')).text).toBe(PLAIN);
    expect((await ask(gateway, 'right')).text).toBe(PLAIN);
    expect((await ask(gateway, 'wrong')).text).toMatch(/expected sha256 "?0{64}"?, got/);
    expect(readdirSync(join(store, 'bases'))).toHaveLength(1);
  });

  it('is started from the weight store alone when that has it still', async () => {
    const gateway = await open();
    await ask(gateway, 'tiny');
    await gateway.end();
    rmSync(join(gateway.dataDir, 'weights'), { recursive: true, force: true });
    const next = await open({ directory: gateway.directory });
    server.seen.length = 0;
    expect(await ask(next, 'tiny')).toMatchObject({ kind: 'staged', text: PLAIN });
    expect(server.seen).toEqual([]);
  });

  it('is served as its new version, after one start that failed, when its source has changed', async () => {
    const gateway = await open();
    const revision = async () => (await gateway.admin('GET', '/models/tiny')).json.revision;
    const before = await revision();
    const { bytes } = server.files.get('/tiny.gguf') ?? { bytes: Buffer.alloc(0) };
    server.put('/tiny.gguf', bytes, { etag: '"another"' });
    const failed = await ask(gateway, 'tiny');
    expect(failed.status).toBe(503);
    expect(failed.text).toContain('it was replaced in the catalogue while the request waited');
    const reason = `Cannot bring "${server.origin}/tiny.gguf": expected version`;
    await until(
      () => gateway.log().includes(JSON.stringify(reason).slice(1, -1)),
      'the reason is in the log',
    );
    expect(await revision()).not.toBe(before);
    expect(await ask(gateway, 'tiny')).toMatchObject({ status: 200, text: PLAIN });
  });

  it('is read from its download where the weight store has no room', async () => {
    const gateway = await open({ config: configOf('weights: { memory: 1MiB }') });
    expect(await ask(gateway, 'tiny')).toMatchObject({ kind: 'cold', text: PLAIN });
    expect((await gateway.admin('GET', '/segments')).json.data).toEqual([]);
  });

  it('is refused without a weight store, with the reason', async () => {
    const gateway = await open({ environment: { HEARTH_STORE_DIR: 'off' } });
    const refused = await ask(gateway, 'tiny');
    expect(refused.status).toBe(503);
    expect(refused.text).toContain('expected a weight store that brings them here');
    expect(existsSync(join(gateway.dataDir, 'weights'))).toBe(false);
    expect((await gateway.runners()).every(({ base }) => base === null)).toBe(true);
  });
});

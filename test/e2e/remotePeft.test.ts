/** PEFT adapters whose base, or who themselves, lie behind URIs: converted when they enter the catalogue. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeHub } from '../sources/fakeHub.ts';
import { WeightServer } from '../sources/weightServer.ts';
import { BANANA, banana, DEMO_FILES } from './chat.ts';
import { ROOT, startGateway, type TestGateway, until } from './startGateway.ts';

const PEFT = join(ROOT, 'test/fixtures/lora-pirate-peft');
const FILES = ['adapter_config.json', 'adapter_model.safetensors'];

let server: WeightServer;
let hub: FakeHub;
let store = '';
const gateways: TestGateway[] = [];
beforeEach(async () => {
  server = await WeightServer.start();
  hub = await FakeHub.start();
  store = `/dev/shm/hearth-e2e-peft-${process.pid}-${Date.now()}`;
  const base = readFileSync(DEMO_FILES.base);
  server.put('/tiny.gguf', base);
  hub.put('tiny.gguf', base);
  for (const name of FILES) {
    const bytes = readFileSync(join(PEFT, name));
    server.put(`/pirate/${name}`, bytes);
    hub.put(`lora/${name}`, bytes, !name.endsWith('.json'));
  }
  hub.put('lora/README.md', Buffer.from('# An adapter'), false);
});
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.dispose();
  await Promise.all([server.close(), hub.close()]);
  rmSync(store, { recursive: true, force: true });
});

async function open(
  base: string,
  adapter: string,
  more: Parameters<typeof startGateway>[0] = {},
): Promise<TestGateway> {
  const config = `
models: [{ id: tiny, path: "${base}", context: 512 }]
adapters: [{ id: pirate, base: tiny, path: "${adapter}" }]
sources: { hf: { endpoint: "${hub.api.origin}" } }
`;
  const environment = { HEARTH_STORE_DIR: store };
  const gateway = await startGateway({ config, standbys: 0, environment, ...more });
  gateways.push(gateway);
  return gateway;
}

async function ask(gateway: TestGateway): Promise<string> {
  const json = (await (await gateway.post('/v1/chat/completions', banana('tiny+pirate'))).json()) as any;
  return json.choices?.[0]?.message.content ?? json.error.message;
}

const places = {
  'here, of a base behind http': () => [`${server.origin}/tiny.gguf`, PEFT],
  'behind http, of a base here': () => [DEMO_FILES.base, `${server.origin}/pirate/?sig=secret`],
  'behind http, of a base behind http': () => [`${server.origin}/tiny.gguf`, `${server.origin}/pirate/`],
  'on a hub, of a base on a hub': () => ['hf:acme/tiny/tiny.gguf', 'hf:acme/tiny/lora/'],
} as const;

describe('a PEFT directory', () => {
  it.each(Object.entries(places))('%s, is converted and answers as its reference', async (_, place) => {
    const [base = '', adapter = ''] = place();
    const gateway = await open(base, adapter);
    const { json } = await gateway.admin('GET', '/adapters/pirate');
    expect(json.path).toMatch(/\/adapters\/[0-9a-f]{64}\.gguf$/);
    expect(json.converted_from).toBe(adapter.replace(/\?.*$/, ''));
    const given = readFileSync(DEMO_FILES.pirate);
    expect(readFileSync(json.path).length).toBeGreaterThan(given.length / 2);
    expect(await ask(gateway)).toBe(BANANA.pirate);
    const incoming = join(gateway.dataDir, 'adapters/incoming');
    expect(existsSync(incoming) ? readdirSync(incoming) : []).toEqual([]);
  });

  it('behind a URI is not asked for by requests, nor downloaded again by the next start', async () => {
    const [base, adapter] = [DEMO_FILES.base, `${server.origin}/pirate/`];
    const first = await open(base, adapter);
    server.seen.length = 0;
    expect(await ask(first)).toBe(BANANA.pirate);
    expect(server.seen).toEqual([]);
    await first.end();
    const second = await open(base, adapter, { directory: first.directory });
    expect(server.ranged).toEqual([]);
    expect(await ask(second)).toBe(BANANA.pirate);
    await second.end();
    server.intercept = (_request, response) => response.writeHead(503).end() !== undefined;
    const third = await open(base, adapter, { directory: first.directory });
    expect(await ask(third)).toBe(BANANA.pirate);
  });

  it('whose source was down at the start is listed, and served when it is back', async () => {
    server.intercept = (_request, response) => response.writeHead(503).end() !== undefined;
    const gateway = await open(DEMO_FILES.base, `${server.origin}/pirate/`);
    expect(await ask(gateway)).toContain('503');
    server.intercept = null;
    gateway.child.kill('SIGHUP');
    await until(async () => (await ask(gateway)) === BANANA.pirate, 'the adapter is served');
  });

  it('that is no adapter for its base is refused when it is added, with the reason', async () => {
    const gateway = await open(DEMO_FILES.base, PEFT);
    const config = readFileSync(join(PEFT, 'adapter_config.json'), 'utf8');
    server.put(
      '/dora/adapter_config.json',
      Buffer.from(config.replace('"use_dora": false', '"use_dora": true')),
    );
    server.put('/dora/adapter_model.safetensors', readFileSync(join(PEFT, 'adapter_model.safetensors')));
    const path = `${server.origin}/dora/`;
    const { status, json } = await gateway.admin('POST', '/adapters', { id: 'dora', base: 'tiny', path });
    expect(status).toBe(400);
    expect(json.error.message).toContain(`Cannot convert PEFT adapter "${path}": `);
    expect(json.error.message).toContain('DoRA');
    server.files.delete('/dora/adapter_model.safetensors');
    const none = await gateway.admin('POST', '/adapters', { id: 'dora', base: 'tiny', path });
    expect(none.json.error.message).toContain('expected adapter_model.safetensors');
    expect(readdirSync(join(gateway.dataDir, 'adapters/incoming'))).toEqual([]);
  });
});

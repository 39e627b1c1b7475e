import {
  copyFileSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KEY, sealed } from '../native/store/sealed.ts';
import { BANANA, banana, DEMO_FILES } from './chat.ts';
import { ledger } from './readRequests.ts';
import { startGateway, type TestGateway } from './startGateway.ts';

/** A box of the tests may have a swap; what is judged then is tested elsewhere. */
const CONFIG = `
models: [{ id: tiny-chat, path: base.gguf.hearth, context: 512 }]
adapters: [{ id: pirate, base: tiny-chat, path: pirate.gguf.hearth }]
weights: { allow_swap: true }
encryption_keys: { main: { file: main.key } }
`;

let directory: string;
let storeDir: string;
const gateways: TestGateway[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hearth-e2e-'));
  storeDir = mkdtempSync('/dev/shm/hearth-e2e-');
  writeFileSync(join(directory, 'main.key'), KEY.toString('hex'), { mode: 0o600 });
  for (const name of ['base', 'pirate'] as const) {
    const plain = join(directory, `${name}.gguf`);
    copyFileSync(DEMO_FILES[name], plain);
    await sealed(plain);
    rmSync(plain);
  }
});
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.dispose();
  rmSync(directory, { recursive: true, force: true });
  rmSync(storeDir, { recursive: true, force: true });
});

async function start(store = storeDir): Promise<TestGateway> {
  const environment = { HEARTH_STORE_DIR: store };
  const gateway = await startGateway({ config: CONFIG, directory, environment, standbys: 0 });
  gateways.push(gateway);
  return gateway;
}

async function ask(gateway: TestGateway, model: string) {
  const response = await gateway.post('/v1/chat/completions', banana(model));
  const { error, choices } = (await response.json()) as any;
  return {
    status: response.status,
    kind: response.headers.get('x-hearth-start'),
    text: (error?.message ?? choices[0].message.content) as string,
  };
}

/** Every file below, as latin1 text. */
const textsBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => lstatSync(path).isFile())
    .map((path) => readFileSync(path, 'latin1'));

describe('a gateway whose weights are encrypted', () => {
  test('answers by base and adapter, and keeps plaintext in its store and the key nowhere', async () => {
    const gateway = await start();
    expect(await ask(gateway, 'tiny-chat')).toEqual({ status: 200, kind: 'cold', text: BANANA.base });
    expect(await ask(gateway, 'tiny-chat+pirate')).toMatchObject({ status: 200, text: BANANA.pirate });
    const [runner] = await gateway.runners();
    const dumped = readFileSync(`/proc/${runner?.pid}/coredump_filter`, 'utf8').trim();
    expect(dumped).toBe('00000010');
    const segments = readdirSync(join(storeDir, 'bases'));
    expect(segments).toHaveLength(1);
    const file = join(storeDir, 'bases', segments[0] ?? '', 'base.gguf');
    expect(readFileSync(file).equals(readFileSync(DEMO_FILES.base))).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o400);
    const [cold] = await ledger(gateway, 2);
    expect(cold).toMatchObject({ start_tier: 'origin', staged_bytes: statSync(DEMO_FILES.base).size });
    expect(cold?.decrypt_ms).toBeGreaterThan(0);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    const seen = [gateway.log(), metrics, ...textsBelow(gateway.dataDir), ...textsBelow(storeDir)].join('\n');
    for (const form of ['hex', 'base64', 'latin1'] as const) expect(seen).not.toContain(KEY.toString(form));
  });

  test('tells a damaged container, and has nothing of it in its store', async () => {
    const path = join(directory, 'base.gguf.hearth');
    const bytes = readFileSync(path);
    // Behind what the catalogue reads.
    bytes[5_000_000] = (bytes[5_000_000] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const { status, text } = await ask(await start(), 'tiny-chat');
    expect(status).toBe(503);
    expect(text).toContain('damage in chunk 1, counted from 0');
    expect(readdirSync(join(storeDir, 'bases'))).toEqual([]);
    expect(readdirSync(join(storeDir, 'making'))).toEqual([]);
  });

  test('tells a key that has gone since it started', async () => {
    const gateway = await start();
    rmSync(join(directory, 'main.key'));
    const { status, text } = await ask(gateway, 'tiny-chat');
    expect(status).toBe(503);
    expect(text).toBe(
      'Cannot start "tiny-chat": Cannot stage "base.gguf.hearth": Cannot read key file "main.key": there is no such file',
    );
  });

  test('loads none without a weight store', async () => {
    const { status, text } = await ask(await start('off'), 'tiny-chat');
    expect(status).toBe(503);
    expect(text).toContain('is encrypted, expected a weight store');
  });

  test('does not start without the key, and says which', async () => {
    writeFileSync(join(directory, 'main.key'), '0'.repeat(64), { mode: 0o600 });
    await expect(start()).rejects.toThrow(/models\[0\]\.path: Cannot read weight file .*: wrong key/);
    rmSync(join(directory, 'main.key'));
    await expect(start()).rejects.toThrow('there is no such file');
  });
});

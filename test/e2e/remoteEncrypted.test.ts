/** Containers behind URIs: brought here as they are, decrypted where they are staged; PEFT adapters for encrypted bases. */
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KEY, sealed } from '../native/store/sealed.ts';
import { signatureProblem } from '../sources/signedRequest.ts';
import { WeightServer } from '../sources/weightServer.ts';
import { BANANA, banana, DEMO_FILES } from './chat.ts';
import { ledger } from './readRequests.ts';
import { referenceCases } from './reference.ts';
import { isAlive, ROOT, startGateway, type TestGateway, until } from './startGateway.ts';

let directory: string;
let storeDir: string;
let server: WeightServer;
const gateways: TestGateway[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hearth-e2e-'));
  storeDir = mkdtempSync('/dev/shm/hearth-e2e-');
  server = await WeightServer.start();
  writeFileSync(join(directory, 'main.key'), KEY.toString('hex'), { mode: 0o600 });
  for (const name of ['base', 'pirate'] as const) {
    const plain = join(directory, `${name}.gguf`);
    copyFileSync(DEMO_FILES[name], plain);
    server.put(`/${name}.gguf.hearth`, readFileSync(await sealed(plain)));
    rmSync(plain);
  }
});
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.dispose();
  await server.close();
  rmSync(directory, { recursive: true, force: true });
  rmSync(storeDir, { recursive: true, force: true });
});

const config = (base = `${server.origin}/base.gguf.hearth`, adapters = '') => `
models: [{ id: tiny-chat, path: "${base}", context: 2048, sequences: 8 }]
adapters:
  - { id: pirate, base: tiny-chat, path: "${server.origin}/pirate.gguf.hearth" }
${adapters}
weights: { allow_swap: true }
encryption_keys: { main: { file: main.key } }
`;

async function start(text = config(), more: Readonly<Record<string, string>> = {}): Promise<TestGateway> {
  const environment = { HEARTH_STORE_DIR: storeDir, ...more };
  const gateway = await startGateway({ config: text, directory, environment, standbys: 0 });
  gateways.push(gateway);
  return gateway;
}

async function ask(gateway: TestGateway, model: string) {
  const response = await gateway.post('/v1/chat/completions', banana(model));
  const { error, choices } = (await response.json()) as any;
  const kind = response.headers.get('x-hearth-start');
  return { status: response.status, kind, text: (error?.message ?? choices[0].message.content) as string };
}

/** What lies in the data directory's folder of downloads, by file name. */
function downloaded(gateway: TestGateway): Map<string, Buffer> {
  const folder = join(gateway.dataDir, 'weights');
  if (!existsSync(folder)) return new Map();
  const paths = readdirSync(folder).flatMap((key) =>
    readdirSync(join(folder, key)).map((name) => [name, readFileSync(join(folder, key, name))] as const),
  );
  return new Map(paths);
}

const served = (name: string) => server.files.get(`/${name}`)?.bytes ?? Buffer.alloc(0);

function flip(name: string, at: number): void {
  const bytes = Buffer.from(served(name));
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  server.put(`/${name}`, bytes);
}

/** Process ids of the gateway's fetchers. */
function fetchers(gateway: TestGateway): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      const command = readFileSync(`/proc/${name}/cmdline`, 'latin1');
      return parent === gateway.child.pid && command.includes('fetcher.mjs') ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

describe('an encrypted model behind a URI', () => {
  test('answers by base and adapter, and lies here as it does there, and in plaintext in the store alone', async () => {
    const gateway = await start();
    expect((await gateway.admin('GET', '/models/tiny-chat')).json.weight_bytes).toBe(
      readFileSync(DEMO_FILES.base).length,
    );
    expect(await ask(gateway, 'tiny-chat+pirate')).toEqual({
      status: 200,
      kind: 'cold',
      text: BANANA.pirate,
    });
    expect(await ask(gateway, 'tiny-chat')).toMatchObject({ status: 200, text: BANANA.base });
    const here = downloaded(gateway);
    expect([...here.keys()].toSorted()).toEqual(['base.gguf.hearth', 'pirate.gguf.hearth']);
    for (const [name, bytes] of here) expect(bytes.equals(served(name))).toBe(true);
    const [segment] = readdirSync(join(storeDir, 'bases'));
    const file = join(storeDir, 'bases', segment ?? '', 'base.gguf');
    expect(readFileSync(file).equals(readFileSync(DEMO_FILES.base))).toBe(true);
    const [cold] = await ledger(gateway, 2);
    expect(cold?.start_tier).toBe('origin');
    expect(cold?.download_ms).toBeGreaterThan(0);
    expect(cold?.decrypt_ms).toBeGreaterThan(0);
    const said = gateway.log();
    for (const form of ['hex', 'base64', 'latin1'] as const) expect(said).not.toContain(KEY.toString(form));
  });

  test('comes from a bucket by signed requests, whose keys are in no command line, environment or log but our own', async () => {
    const keys = { accessKey: 'AKIDEXAMPLE', secretKey: 'not-to-be-seen-anywhere', region: 'eu-test-1' };
    server.put('/weights/base.gguf.hearth', served('base.gguf.hearth'));
    const problems: string[] = [];
    server.intercept = (request, response) => {
      const problem = request.url?.startsWith('/weights/') ? signatureProblem(request, keys) : null;
      if (problem === null) return false;
      problems.push(problem);
      response.writeHead(403).end();
      return true;
    };
    const text = `${config('s3://weights/base.gguf.hearth')}
sources:
  s3:
    weights:
      endpoint: ${server.origin}
      region: ${keys.region}
      access_key: { env: WEIGHTS_ACCESS_KEY }
      secret_key: { env: WEIGHTS_SECRET_KEY }
`;
    const gateway = await start(text, {
      WEIGHTS_ACCESS_KEY: keys.accessKey,
      WEIGHTS_SECRET_KEY: keys.secretKey,
    });
    expect(await ask(gateway, 'tiny-chat')).toEqual({ status: 200, kind: 'cold', text: BANANA.base });
    expect(problems).toEqual([]);
    const [pid] = fetchers(gateway);
    const seen = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'latin1'));
    expect([...seen, gateway.log()].join('\n')).not.toContain(keys.secretKey);
    expect(seen[0]).toContain('fetcher.mjs');
  });

  test('ends who downloads for it with its gateway, however that ends', async () => {
    const gateway = await start();
    server.intercept = ({ url, headers: { range } }) => url === '/base.gguf.hearth' && range !== 'bytes=0-0';
    const asking = ask(gateway, 'tiny-chat').catch(() => {});
    await until(() => fetchers(gateway).length === 1, 'it downloads');
    const [pid = 0] = fetchers(gateway);
    await gateway.end('SIGKILL');
    await asking;
    await until(() => !isAlive(pid), 'it has gone');
    server.intercept = null;
    expect(await ask(await start(), 'tiny-chat')).toMatchObject({ status: 200, text: BANANA.base });
  });

  test('starts again from the ciphertext on this disk, without its source, after its store has gone', async () => {
    const gateway = await start();
    await ask(gateway, 'tiny-chat');
    await gateway.end();
    rmSync(storeDir, { recursive: true });
    const next = await start();
    server.seen.length = 0;
    expect(await ask(next, 'tiny-chat')).toEqual({ status: 200, kind: 'cold', text: BANANA.base });
    expect(server.seen).toEqual([]);
  });

  test('is brought on from where it was when who downloads it is killed', async () => {
    const gateway = await start();
    let isHeld = true;
    server.intercept = ({ url, headers: { range } }) =>
      isHeld && url === '/base.gguf.hearth' && range !== 'bytes=0-0';
    const asking = ask(gateway, 'tiny-chat');
    await until(() => fetchers(gateway).length === 1, 'it downloads');
    const [pid = 0] = fetchers(gateway);
    isHeld = false;
    process.kill(pid, 'SIGKILL');
    expect(await asking).toMatchObject({ status: 200, text: BANANA.base });
    expect(gateway.log()).toContain('fetcher has gone');
    expect(fetchers(gateway)).not.toContain(pid);
  });

  test('whose chunk is damaged is told so, published nowhere, and brought anew', async () => {
    const whole = served('base.gguf.hearth');
    // Behind what the catalogue reads.
    flip('base.gguf.hearth', 5_000_000);
    const etag = '"the same"';
    server.put('/base.gguf.hearth', served('base.gguf.hearth'), { etag });
    const gateway = await start();
    const { status, text } = await ask(gateway, 'tiny-chat');
    expect(status).toBe(503);
    expect(text).toContain('damage in chunk 1, counted from 0');
    expect(readdirSync(join(storeDir, 'bases'))).toEqual([]);
    expect([...downloaded(gateway).keys()]).toEqual([]);
    server.put('/base.gguf.hearth', whole, { etag });
    // Its start is tried again after a while, or by another gateway.
    await gateway.end();
    expect(await ask(await start(), 'tiny-chat')).toMatchObject({ status: 200, text: BANANA.base });
  });

  test('fails with the reason when its key is another one by now, and keeps what was brought', async () => {
    const gateway = await start();
    writeFileSync(join(directory, 'main.key'), '0'.repeat(64), { mode: 0o600 });
    const { status, text } = await ask(gateway, 'tiny-chat');
    expect(status).toBe(503);
    expect(text).toContain('wrong key');
    expect(readdirSync(join(storeDir, 'bases'))).toEqual([]);
    expect([...downloaded(gateway).keys()]).toEqual(['base.gguf.hearth']);
  });

  test('is no entry without its key, and the gateway says which', async () => {
    rmSync(join(directory, 'main.key'));
    await expect(start()).rejects.toThrow(/models\[0\]\.path: Cannot read weight file .*main\.key/);
  });
});

describe('PEFT adapters', () => {
  const peft = ['pirate', 'json'].map((id) => {
    const path = join(ROOT, 'test/fixtures', `lora-${id}-peft`);
    return `  - { id: ${id}, base: tiny-chat, path: ${path} }`;
  });

  test('of an encrypted base answer as the reference, and no plaintext of it lies in the data directory', async () => {
    writeFileSync(join(directory, 'base.gguf.hearth'), served('base.gguf.hearth'));
    const text = `
models: [{ id: tiny-chat, path: base.gguf.hearth, context: 2048, sequences: 8 }]
adapters:
${peft.join('\n')}
weights: { allow_swap: true }
encryption_keys: { main: { file: main.key } }
`;
    const gateway = await start(text);
    for (const { model, messages, answer } of referenceCases()) {
      const response = await gateway.post('/v1/chat/completions', { model, messages, temperature: 0 });
      expect(((await response.json()) as any).choices[0].message.content).toBe(answer);
    }
    const files = readdirSync(gateway.dataDir, { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => /^adapters\/[0-9a-f]{64}\.gguf$/.test(name))).toHaveLength(2);
    expect(files.filter((name) => name.startsWith('weights/'))).toEqual([]);
    await gateway.end();
    // What was converted needs no key again, but the base does.
    const next = await start(text);
    expect(await ask(next, 'tiny-chat:json')).toMatchObject({ status: 200, text: BANANA.json });
  });
});

import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { splitGguf } from '../fixtures/splitGguf.ts';
import { KEY, sealed } from '../native/store/sealed.ts';
import { WeightServer } from '../sources/weightServer.ts';
import { BANANA, banana, DEMO_FILES } from './chat.ts';
import { referenceCases } from './reference.ts';
import { type GatewayOptions, ROOT, startGateway, type TestGateway, until } from './startGateway.ts';

const PARTS = 3;
const FIRST = 'tiny-00001-of-00003.gguf';
const ADAPTERS = `adapters: [{ id: pirate, base: tiny-chat, path: ${DEMO_FILES.pirate} }, { id: json, base: tiny-chat, path: ${DEMO_FILES.json} }]`;

let directory: string;
let storeDir: string;
let parts: string[];
const gateways: TestGateway[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hearth-e2e-'));
  storeDir = mkdtempSync('/dev/shm/hearth-e2e-');
  mkdirSync(join(directory, 'model'));
  parts = splitGguf(DEMO_FILES.base, join(directory, 'model'), 'tiny', PARTS);
});
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.end();
  rmSync(directory, { recursive: true, force: true });
  rmSync(storeDir, { recursive: true, force: true });
});

async function start(path: string, more = '', options: GatewayOptions = {}): Promise<TestGateway> {
  const config = `models: [{ id: tiny-chat, path: "${path}", context: 512 }]\n${ADAPTERS}\n${more}`;
  const environment = { HEARTH_STORE_DIR: storeDir, ...options.environment };
  const gateway = await startGateway({ config, directory, standbys: 0, ...options, environment });
  gateways.push(gateway);
  return gateway;
}

async function ask(gateway: TestGateway, model = 'tiny-chat') {
  const response = await gateway.post('/v1/chat/completions', banana(model));
  const { error, choices } = (await response.json()) as any;
  const text: string = error?.message ?? choices[0].message.content;
  return { kind: response.headers.get('x-hearth-start'), text };
}

async function baseSegments(gateway: TestGateway): Promise<any[]> {
  const { data } = (await gateway.admin('GET', '/segments')).json;
  return data.filter(({ book }: { book: string }) => book === 'bases');
}

async function endRunners(gateway: TestGateway): Promise<void> {
  for (const { id } of await gateway.runners()) await gateway.admin('POST', `/runners/${id}/drain`);
  // One whose process has gone is not listed before the pool has heard of its end.
  await until(async () => {
    const segments: { runners: string[] }[] = await baseSegments(gateway);
    return (await gateway.runners()).length === 0 && segments.every(({ runners }) => runners.length === 0);
  }, 'the runners have gone');
}

/** Of what the process has mapped. */
const mappedWeights = (pid: number): string[] => {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n');
  const paths = lines.map((line) => line.slice(line.indexOf('/'))).filter((path) => path.includes('.gguf'));
  return [...new Set(paths)].toSorted();
};

const bytesOf = (paths: readonly string[]): number =>
  paths.map((path) => statSync(path).size).reduce((sum, size) => sum + size);

function segmentFolder(): string {
  const [id, ...others] = readdirSync(join(storeDir, 'bases'));
  if (id === undefined || others.length > 0) throw new Error('expected one segment');
  return join(storeDir, 'bases', id);
}

describe('a split model', () => {
  test('is staged as one segment, mapped from there part by part, and answers as the reference says', async () => {
    const gateway = await start('model/tiny-00001-of-00003.gguf');
    for (const { model, messages, answer } of referenceCases()) {
      const response = await gateway.post('/v1/chat/completions', { model, messages, temperature: 0 });
      expect(((await response.json()) as any).choices[0].message.content).toBe(answer);
    }
    const [segment, ...others] = await baseSegments(gateway);
    expect(others).toEqual([]);
    const [runner] = await gateway.runners();
    expect(segment).toMatchObject({
      state: 'staged',
      bytes: bytesOf(parts),
      entries: ['tiny-chat'],
      runners: [runner?.id],
    });
    const folder = segmentFolder();
    const names = readdirSync(folder).filter((name) => name.endsWith('.gguf'));
    expect(names.toSorted()).toEqual(parts.map((part) => basename(part)));
    for (const name of names)
      expect(readFileSync(join(folder, name)).equals(readFileSync(join(directory, 'model', name)))).toBe(
        true,
      );
    const mapped = mappedWeights(runner?.pid ?? 0);
    expect(mapped).toEqual(names.toSorted().map((name) => join(folder, name)));
  });

  test('starts cold, then staged, also by the next gateway; and once more after it was evicted', async () => {
    const other = join(directory, 'other.gguf');
    copyFileSync(DEMO_FILES.base, other);
    const budget = bytesOf(parts) + 1_000_000;
    const config = `models:
  - { id: tiny-chat, path: model/${FIRST}, context: 512 }
  - { id: other, path: other.gguf, context: 512 }
weights: { memory: ${budget} }`;
    const open = async () => {
      const environment = { HEARTH_STORE_DIR: storeDir };
      const gateway = await startGateway({ config, directory, environment, standbys: 0 });
      gateways.push(gateway);
      return gateway;
    };
    const first = await open();
    expect(await ask(first)).toEqual({ kind: 'cold', text: BANANA.base });
    await endRunners(first);
    expect(await ask(first)).toEqual({ kind: 'staged', text: BANANA.base });
    await first.end();
    const second = await open();
    expect(await ask(second)).toEqual({ kind: 'staged', text: BANANA.base });
    await endRunners(second);
    // There is room for one of them.
    expect(await ask(second, 'other')).toEqual({ kind: 'cold', text: BANANA.base });
    expect(await baseSegments(second)).toMatchObject([{ entries: ['other'] }]);
    expect(readdirSync(segmentFolder()).filter((name) => name.endsWith('.gguf'))).toEqual(['other.gguf']);
    await endRunners(second);
    expect(await ask(second)).toEqual({ kind: 'cold', text: BANANA.base });
    expect(await baseSegments(second)).toMatchObject([{ entries: ['tiny-chat'], bytes: bytesOf(parts) }]);
  });

  test('keeps what a runner has mapped from others, and is adopted warm by the next gateway', async () => {
    const first = await start(`model/${FIRST}`, '', { environment: { HEARTH_LEASE: '30s' } });
    await ask(first);
    const [runner] = await first.runners();
    await first.end('SIGKILL');
    const second = await start(`model/${FIRST}`);
    expect(await ask(second)).toEqual({ kind: 'warm', text: BANANA.base });
    expect((await second.runners()).map(({ pid }) => pid)).toEqual([runner?.pid]);
    expect(await baseSegments(second)).toMatchObject([
      { state: 'staged', entries: ['tiny-chat'], runners: [runner?.id] },
    ]);
    expect(mappedWeights(runner?.pid ?? 0)).toHaveLength(PARTS);
  });

  test('is staged by another stager when the one at work is killed, and no half of it is left', async () => {
    const gateway = await start(`model/${FIRST}`, 'weights: { prefetch_bandwidth: 1MB }');
    await gateway.admin('PUT', '/pins/tiny-chat', { level: 'staged' });
    const progress = async () => (await baseSegments(gateway))[0]?.progress;
    await until(async () => (await progress())?.bytes > 0, 'a part is there');
    expect(await progress()).toMatchObject({ step: 'stage', total_bytes: bytesOf(parts) });
    expect(readdirSync(join(storeDir, 'making'))).toHaveLength(1);
    process.kill(stagerOf(gateway), 'SIGKILL');
    expect(await ask(gateway)).toEqual({ kind: 'cold', text: BANANA.base });
    expect(readdirSync(join(storeDir, 'making'))).toEqual([]);
    for (const part of parts)
      expect(readFileSync(join(segmentFolder(), basename(part))).equals(readFileSync(part))).toBe(true);
    await endRunners(gateway);
    expect(await ask(gateway)).toEqual({ kind: 'staged', text: BANANA.base });
  });

  test('is held to a tree digest of all its parts, and to no digest of one file', async () => {
    const gateway = await start(`model/${FIRST}`);
    await ask(gateway);
    const described = JSON.parse(readFileSync(join(segmentFolder(), '.segment.json'), 'utf8'));
    const add = (id: string, digest: string) => {
      mkdirSync(join(directory, id));
      const [path] = splitGguf(DEMO_FILES.base, join(directory, id), 'tiny', PARTS);
      return gateway.admin('POST', '/models', { id, path, digest, context: 512 });
    };
    expect((await add('right', `tree:${described.contentId}`)).status).toBe(201);
    expect(await ask(gateway, 'right')).toEqual({ kind: 'cold', text: BANANA.base });
    // Equal files have one segment.
    expect(await baseSegments(gateway)).toMatchObject([{ entries: ['tiny-chat', 'right'] }]);
    expect((await add('wrong', `tree:${'0'.repeat(64)}`)).status).toBe(201);
    expect((await ask(gateway, 'wrong')).text).toContain('expected tree "0000');
    for (const kind of ['sha256', 'blake3']) {
      const refused = await add(kind, `${kind}:${'0'.repeat(64)}`);
      expect(refused.status).toBe(400);
      expect(refused.json.error.message).toContain('is of one file, expected a tree digest of all of them');
    }
  });

  test('is brought from behind a URI with all its parts', async () => {
    const server = await WeightServer.start();
    try {
      for (const part of parts) server.put(`/${basename(part)}`, readFileSync(part));
      const gateway = await start(`${server.origin}/${FIRST}`);
      expect(await ask(gateway)).toEqual({ kind: 'cold', text: BANANA.base });
      expect(await baseSegments(gateway)).toMatchObject([{ bytes: bytesOf(parts) }]);
      await endRunners(gateway);
      expect(await ask(gateway)).toEqual({ kind: 'staged', text: BANANA.base });
    } finally {
      await server.close();
    }
  });

  test('is read from its source where there is no store', async () => {
    const gateway = await start(`model/${FIRST}`, '', { environment: { HEARTH_STORE_DIR: 'off' } });
    expect(await ask(gateway)).toEqual({ kind: 'cold', text: BANANA.base });
    const [runner] = await gateway.runners();
    expect(mappedWeights(runner?.pid ?? 0)).toEqual(parts);
  });

  test('may be split into containers, whose plaintext is in the store alone', async () => {
    writeFileSync(join(directory, 'main.key'), KEY.toString('hex'), { mode: 0o600 });
    const plainBytes = bytesOf(parts);
    const plain = parts.map((part) => readFileSync(part));
    for (const part of parts) {
      await sealed(part);
      rmSync(part);
    }
    const more = 'weights: { allow_swap: true }\nencryption_keys: { main: { file: main.key } }';
    const gateway = await start(`model/${FIRST}.hearth`, more);
    expect(await ask(gateway)).toEqual({ kind: 'cold', text: BANANA.base });
    expect(await baseSegments(gateway)).toMatchObject([{ bytes: plainBytes }]);
    const folder = segmentFolder();
    for (const [index, name] of parts.map((part) => basename(part)).entries())
      expect(readFileSync(join(folder, name)).equals(plain[index] ?? Buffer.alloc(0))).toBe(true);
    await endRunners(gateway);
    expect(await ask(gateway, 'tiny-chat+pirate')).toEqual({ kind: 'staged', text: BANANA.pirate });
  });
});

describe('a directory as a model', () => {
  test('is staged with all that is in it, and served from its one GGUF', async () => {
    writeFileSync(join(directory, 'model', 'config.json'), '{"model_type":"llama"}');
    mkdirSync(join(directory, 'model', 'tokenizer'));
    writeFileSync(join(directory, 'model', 'tokenizer', 'vocab.txt'), 'a\nb\n');
    const gateway = await start('model');
    expect(await ask(gateway)).toEqual({ kind: 'cold', text: BANANA.base });
    const extra = ['config.json', 'tokenizer/vocab.txt'].map((name) => join(directory, 'model', name));
    expect(await baseSegments(gateway)).toMatchObject([{ bytes: bytesOf([...parts, ...extra]) }]);
    for (const name of ['config.json', 'tokenizer/vocab.txt'])
      expect(readFileSync(join(segmentFolder(), name), 'utf8')).toBe(
        readFileSync(join(directory, 'model', name), 'utf8'),
      );
    await endRunners(gateway);
    expect(await ask(gateway, 'tiny-chat+json')).toEqual({ kind: 'staged', text: BANANA.json });
    const peft = { id: 'peft', base: 'tiny-chat', path: join(ROOT, 'test/fixtures/lora-pirate-peft') };
    expect((await gateway.admin('POST', '/adapters', peft)).status).toBe(201);
    expect(await ask(gateway, 'tiny-chat+peft')).toEqual({ kind: 'attach', text: BANANA.pirate });
  });

  test('with several models or none is refused when it is added, and so is a split one without a part', async () => {
    const gateway = await start(`model/${FIRST}`);
    const add = async (path: string) => {
      const { status, json } = await gateway.admin('POST', '/models', { id: 'more', path });
      return [status, json.error?.message];
    };
    copyFileSync(DEMO_FILES.base, join(directory, 'model', 'again.gguf'));
    const several = await add(join(directory, 'model'));
    expect(several).toEqual([
      400,
      expect.stringContaining('expected one GGUF model in the directory, got "again.gguf"'),
    ]);
    mkdirSync(join(directory, 'none'));
    expect(await add(join(directory, 'none'))).toEqual([400, expect.stringContaining('got none')]);
    rmSync(parts[1] ?? '');
    const lacking = 'its part 2 of 3, "tiny-00002-of-00003.gguf": there is no such file';
    expect(await add(parts[0] ?? '')).toEqual([400, expect.stringContaining(lacking)]);
  });
});

function stagerOf(gateway: TestGateway): number {
  const pid = gateway.child.pid ?? 0;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  const isStager = (child: number) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('stager.mjs');
  const stager = children.find(isStager);
  if (stager === undefined) throw new Error('Cannot find the stager: expected a child of the gateway');
  return stager;
}

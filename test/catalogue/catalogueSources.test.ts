import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CatalogueService } from '../../gateway/catalogue/catalogueService.ts';
import { revisitRegularly } from '../../gateway/catalogue/revisits.ts';
import { SourceAccess } from '../../gateway/catalogue/sourceAccess.ts';
import { SourcedFiles } from '../../gateway/catalogue/sourcedFiles.ts';
import { unavailability } from '../../gateway/domain/availability.ts';
import { parseCombo } from '../../gateway/domain/combo.ts';
import { adapterId, modelId } from '../../gateway/domain/ids.ts';
import type { Log } from '../../gateway/ports/log.ts';
import { MemoryCatalogueStore } from '../fakes/memoryCatalogueStore.ts';
import { MemoryEventLog } from '../fakes/memoryEventLog.ts';
import { MemorySourceFacts } from '../fakes/memorySourceFacts.ts';
import { NO_CONVERTER } from '../fakes/noConverter.ts';
import { sha256, WeightServer } from '../sources/weightServer.ts';
import { adapterBytes, modelBytes } from './ggufBytes.ts';

const QUIET: Log = { debug() {}, info() {}, warn() {}, error() {} };

let directory = '';
let server: WeightServer;
let facts: MemorySourceFacts;
let store: MemoryCatalogueStore;
let events: MemoryEventLog;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-sources-'));
  server = await WeightServer.start();
  server.put('/base.gguf', modelBytes('llama', 512));
  server.put('/lora.gguf', adapterBytes('llama'));
  facts = new MemorySourceFacts();
  store = new MemoryCatalogueStore();
  events = new MemoryEventLog();
  await put(`
models: [{ id: base, path: "${server.origin}/base.gguf?sig=secret" }]
adapters: [{ id: lora, base: base, path: "${server.origin}/lora.gguf" }]
aliases: { chat: base+lora }
`);
});
afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

const put = (yaml: string) => writeFile(join(directory, 'hearth.yaml'), yaml);

/** A gateway's start: what is known of sources and of the admin API's entries is what the last one left. */
async function openResult(environment: Record<string, string> = {}) {
  const sources = new SourceAccess((name) => environment[name]);
  return CatalogueService.open({
    configPath: join(directory, 'hearth.yaml'),
    files: await SourcedFiles.open({ access: sources, store: facts, log: QUIET }),
    converter: NO_CONVERTER,
    sources,
    store,
    events,
    log: QUIET,
    clock: { monoMs: () => 0, epochMs: () => 1234 },
  });
}

async function open(): Promise<CatalogueService> {
  const service = await openResult();
  if (!service.ok) throw new Error(service.error.message);
  return service.value;
}

async function refusal(environment?: Record<string, string>): Promise<string> {
  const service = await openResult(environment);
  if (service.ok) throw new Error('was accepted');
  return service.error.message;
}

function down(status = 503): void {
  server.intercept = (_request, response) => {
    response.writeHead(status, { 'retry-after': '3600' }).end();
    return true;
  };
}

const base = (service: CatalogueService) => service.current().models.get(modelId('base'));
const lora = (service: CatalogueService) => service.current().adapters.get(adapterId('lora'));
const typesOf = () => events.events.map(({ type }) => type);

describe('a catalogue with URIs', () => {
  test('knows models and adapters by their headers, with the size that the source says', async () => {
    const service = await open();
    expect(base(service)).toMatchObject({
      path: `${server.origin}/base.gguf?sig=secret`,
      contextTokens: 512,
      weightBytes: modelBytes('llama', 512).length,
    });
    expect(base(service)).not.toHaveProperty('unavailable');
    expect(lora(service)).toMatchObject({ base: 'base', weightBytes: adapterBytes().length });
  });

  test('has a new revision when the source has another version, and the same when it has not', async () => {
    const service = await open();
    const [before] = [base(service)?.revision];
    await service.reload();
    expect(base(service)?.revision).toBe(before);
    server.put('/base.gguf', modelBytes('llama', 1024));
    await service.reload();
    expect(base(service)?.revision).not.toBe(before);
    expect(base(service)?.contextTokens).toBe(1024);
  });

  test('is not asked for by review(), which a start waits for', async () => {
    const service = await open();
    const [model, adapter] = [base(service), lora(service)];
    if (!model || !adapter) throw new Error('no entries');
    const asked = server.seen.length;
    server.put('/base.gguf', modelBytes('llama', 1024));
    expect(await service.review(model, [adapter])).toMatchObject({ ok: true });
    expect(server.seen).toHaveLength(asked);
  });

  test('refuses what its source refuses, with the place in the file and without the query', async () => {
    server.files.delete('/base.gguf');
    const message = await refusal();
    expect(message).toContain(`hearth.yaml:2:28: models[0].path: Cannot read "${server.origin}/base.gguf"`);
    expect(message).not.toContain('secret');
  });

  test('compares architectures over sources', async () => {
    server.put('/lora.gguf', adapterBytes('qwen2'));
    expect(await refusal()).toContain('adapters[0].base: Cannot use adapter "lora" with "base"');
  });

  test('sends the credentials of its section, and takes up new ones with the file', async () => {
    const yaml = (name: string) => `
models: [{ id: base, path: "${server.origin}/base.gguf" }]
sources: { http: { "127.0.0.1:${server.port}": { headers: { x-key: { env: ${name} } } } } }
`;
    server.intercept = ({ headers }, response) => {
      if (headers['x-key'] === 'right') return false;
      response.writeHead(401).end();
      return true;
    };
    const environment = { WRONG: 'wrong', RIGHT: 'right' };
    await put(yaml('WRONG'));
    expect(await refusal(environment)).toContain('expected credentials that may read it (status 401)');
    await put(yaml('MISSING'));
    expect(await refusal(environment)).toContain(
      '.headers.x-key: Cannot read environment variable "MISSING"',
    );
    await put(yaml('RIGHT'));
    const service = await openResult(environment);
    if (!service.ok) throw new Error(service.error.message);
    // A file that cannot be used changes nothing, its credentials neither.
    await put(`${yaml('WRONG')}nonsense: 1\n`);
    expect((await service.value.reload()).ok).toBe(false);
    await put(yaml('WRONG'));
    expect((await service.value.reload()).ok).toBe(true);
    expect((await service.value.addModel({ id: 'n', path: `${server.origin}/none.gguf` })).ok).toBe(false);
  });
});

describe('a source that is down when the gateway starts', () => {
  test('leaves models and adapters listed, and says why they cannot be served', async () => {
    down();
    const service = await open();
    expect(base(service)).toMatchObject({
      weightBytes: 0,
      unavailable: expect.stringContaining('status 503'),
    });
    expect(lora(service)).toHaveProperty('unavailable');
    const combo = parseCombo('chat', [], service.current());
    expect(combo.ok && unavailability(combo.value, true)).toMatchObject({
      code: 'source_unavailable',
      retryAfterMs: 15_000,
      message: expect.stringContaining('Cannot serve "base+lora": the source of "base" was not reached yet'),
    });
    expect(events.events).toMatchObject([
      { type: 'source_unavailable', detail: { path: `${server.origin}/base.gguf` } },
      { type: 'source_unavailable', detail: { path: `${server.origin}/lora.gguf` } },
    ]);
  });

  test('leaves them as they were when they were known before', async () => {
    const { revision } = base(await open()) ?? {};
    down();
    const service = await open();
    expect(base(service)).toMatchObject({ revision, contextTokens: 512 });
    expect(base(service)).not.toHaveProperty('unavailable');
    expect(typesOf()).toContain('source_unavailable');
  });

  test('is asked again by revisit() only until everything is known, and tells no listener that it is still down', async () => {
    down();
    const service = await open();
    const heard: number[] = [];
    service.onChange(({ models }) => heard.push(models.size));
    await service.revisit();
    expect(heard).toEqual([]);
    server.intercept = null;
    const again = await open();
    expect(base(again)).toMatchObject({ contextTokens: 512 });
    const asked = server.seen.length;
    await again.revisit();
    expect(server.seen).toHaveLength(asked);
  });

  test('does not stop the entries of the admin API either', async () => {
    const first = await open();
    const path = `${server.origin}/lora.gguf`;
    expect(await first.addAdapter({ id: 'mine', base: 'base', path })).toMatchObject({ ok: true });
    facts.rows.clear();
    down();
    const service = await open();
    expect(service.current().adapters.get(adapterId('mine'))).toHaveProperty('unavailable');
    const added = await service.addModel({ id: 'new', path: `${server.origin}/base.gguf` });
    expect(added).toMatchObject({ ok: false, error: { code: 'source_unavailable', param: 'path' } });
  });
});

test('revisit() brings back what was down, and applies no edit of the file that nobody asked for', async () => {
  let isDown = true;
  const sources = new SourceAccess(() => undefined);
  const real = await SourcedFiles.open({ access: sources, store: facts, log: QUIET });
  const failure = {
    ok: false,
    error: { code: 'source_unavailable', message: 'down', param: 'path' },
  } as const;
  const service = await CatalogueService.open({
    configPath: join(directory, 'hearth.yaml'),
    files: {
      inspect: (path) => real.inspect(path),
      recall: async (path) => (isDown ? failure : real.recall(path)),
      keepOnly: (paths) => real.keepOnly(paths),
    },
    converter: NO_CONVERTER,
    sources,
    store,
    events,
    log: QUIET,
    clock: { monoMs: () => 0, epochMs: () => 1234 },
  });
  if (!service.ok) throw new Error(service.error.message);
  const heard: string[] = [];
  service.value.onChange(({ models }) => heard.push([...models.keys()].join()));
  await service.value.revisit();
  expect(heard).toEqual([]);
  await put('models: []');
  isDown = false;
  await service.value.revisit();
  expect(heard).toEqual(['base']);
  expect(base(service.value)).toMatchObject({ contextTokens: 512 });
  expect(events.events.at(-1)).toMatchObject({ type: 'catalogue_revisited', detail: { unsettled: 0 } });
});

test('revisitRegularly() goes on after a failure, one time after the other, and ends', async () => {
  let calls = 0;
  let running = 0;
  let most = 0;
  let enough = () => {};
  const three = new Promise<void>((resolve) => {
    enough = resolve;
  });
  const revisit = async () => {
    calls += 1;
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    if (calls === 3) enough();
    throw new Error('the store is gone');
  };
  const warnings: unknown[] = [];
  const end = revisitRegularly({ revisit }, 1, { ...QUIET, warn: (fields) => warnings.push(fields) });
  // Its timer alone keeps no process alive.
  const alive = setInterval(() => {}, 1000);
  await three;
  end();
  clearInterval(alive);
  expect(most).toBe(1);
  expect(warnings[0]).toEqual({ error: 'the store is gone' });
});

describe('a digest', () => {
  const right = `sha256:${sha256(modelBytes())}`;

  test('is carried by models and adapters, also over the admin API’s store', async () => {
    await put(`
models: [{ id: base, path: "${server.origin}/base.gguf", digest: "${right}" }]
adapters: [{ id: lora, base: base, path: "${server.origin}/lora.gguf", digest: "tree:${'0b'.repeat(32)}" }]
`);
    const service = await open();
    expect(base(service)?.digest).toBe(right);
    expect(lora(service)?.digest).toBe(`tree:${'0b'.repeat(32)}`);
    await service.addModel({ id: 'mine', path: `${server.origin}/base.gguf`, digest: right });
    expect((await open()).current().models.get(modelId('mine'))?.digest).toBe(right);
  });

  test.each(['sha256:123', 'md5:0', right.toUpperCase()])(
    'in another form is refused: %s',
    async (digest) => {
      await put(`models: [{ id: base, path: "${server.origin}/base.gguf", digest: "${digest}" }]`);
      expect(await refusal()).toContain('models[0].digest: expected "sha256:", "blake3:" or "tree:"');
    },
  );

  test('other than what the source says is refused at the door', async () => {
    const [repo, commit] = ['acme/tiny', 'a'.repeat(40)];
    const bytes = modelBytes();
    server.put(`/${repo}/resolve/${commit}/m.gguf`, bytes);
    server.intercept = ({ url = '' }, response) => {
      const file = {
        type: 'file',
        path: 'm.gguf',
        size: bytes.length,
        oid: 'x',
        lfs: { oid: sha256(bytes), size: bytes.length },
      };
      if (url.includes('/revision/'))
        response.end(JSON.stringify({ sha: commit, lastModified: '2026-01-01' }));
      else if (url.includes('/paths-info/')) response.end(JSON.stringify([file]));
      else return false;
      return true;
    };
    const yaml = (digest: string) => `
models: [{ id: base, path: "hf:${repo}/m.gguf", digest: "${digest}" }]
sources: { hf: { endpoint: "${server.origin}" } }
`;
    await put(yaml(right));
    expect(base(await open())).toMatchObject({
      path: 'hf:acme/tiny/m.gguf',
      digest: right,
      createdAtEpochMs: Date.parse('2026-01-01'),
    });
    await put(yaml(`sha256:${'00'.repeat(32)}`));
    expect(await refusal()).toContain(
      `models[0].digest: Cannot use weight file "hf:acme/tiny/m.gguf": expected sha256:0000`,
    );
  });
});

import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CatalogueService } from '../../gateway/catalogue/catalogueService.ts';
import { GgufFiles } from '../../gateway/catalogue/ggufFiles.ts';
import { SourceAccess } from '../../gateway/catalogue/sourceAccess.ts';
import type { Catalogue } from '../../gateway/domain/catalogue.ts';
import { adapterId, modelId } from '../../gateway/domain/ids.ts';
import type { Log } from '../../gateway/ports/log.ts';
import { MemoryCatalogueStore } from '../fakes/memoryCatalogueStore.ts';
import { MemoryEventLog } from '../fakes/memoryEventLog.ts';
import { NO_CONVERTER } from '../fakes/noConverter.ts';
import { adapterBytes, modelBytes } from './ggufBytes.ts';

const YAML = `
models:
  - { id: base, path: base.gguf }
adapters:
  - { id: fixed, base: base, path: fixed.gguf }
aliases:
  chat: base+fixed@0.5
defaults: { sequences: 3, idle_ttl: 1m }
`;
const QUIET: Log = { debug() {}, info() {}, warn() {}, error() {} };

let directory = '';
let store: MemoryCatalogueStore;
let events: MemoryEventLog;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-catalogue-'));
  store = new MemoryCatalogueStore();
  events = new MemoryEventLog();
  await put('base.gguf', modelBytes('llama', 512));
  await put('fixed.gguf', adapterBytes('llama', 'fixed'));
  await put('extra.gguf', adapterBytes('llama', 'extra'));
  await put('qwen.gguf', modelBytes('qwen2', 1024));
  await put('hearth.yaml', YAML);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Written beside and moved in place, as a deployment does: never the same inode. */
async function put(name: string, content: string | Buffer): Promise<void> {
  await writeFile(join(directory, 'draft'), content);
  await rename(join(directory, 'draft'), join(directory, name));
}

function openResult() {
  return CatalogueService.open({
    configPath: join(directory, 'hearth.yaml'),
    files: new GgufFiles(),
    converter: NO_CONVERTER,
    sources: new SourceAccess(() => undefined),
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

const names = ({ models, adapters, aliases }: Catalogue) =>
  [...models.keys(), ...adapters.keys(), ...aliases.keys()].join(' ');
const revisionOf = (service: CatalogueService, id: string) =>
  service.current().adapters.get(adapterId(id))?.revision;

describe('CatalogueService.open()', () => {
  test('gives what the file describes, with the defaults filled in', async () => {
    const service = await open();
    expect(names(service.current())).toBe('base fixed chat');
    expect(service.current().models.get(modelId('base'))).toMatchObject({
      path: join(directory, 'base.gguf'),
      contextTokens: 512,
      sequences: 3,
      maxSequences: 3,
      idleTtlMs: 60_000,
      maxThreads: null,
      deviceLayers: -1,
      source: 'file',
    });
  });

  test.each([
    ['{ max_sequences: 9 }', '{ sequences: 2 }', [2, 9]],
    ['{ max_sequences: 9 }', '{ sequences: 2, max_sequences: 4 }', [2, 4]],
    ['{ max_sequences: 9 }', '{}', [8, 9]],
    ['{}', '{ sequences: 12 }', [12, 12]],
    ['{ max_sequences: 9 }', '{ sequences: 12 }', [12, 12]],
  ])(
    'gives a combo as many sequences at most as it begins with, or more: %s and %s',
    async (defaults, own, sizes) => {
      const entry = `{ id: base, path: base.gguf, ${own.slice(1)}`;
      await put('hearth.yaml', `models: [${entry}]\ndefaults: ${defaults}\n`);
      const model = (await open()).current().models.get(modelId('base'));
      expect([model?.sequences, model?.maxSequences]).toEqual(sizes);
    },
  );

  test.each([
    ['{}', '{}', false],
    ['{ repack: true }', '{}', true],
    ['{ repack: true }', '{ repack: false }', false],
    ['{}', '{ repack: true }', true],
  ])(
    'repacks weights where it is told to, and else leaves them to be shared: %s and %s',
    async (defaults, own, repacks) => {
      const entry = `{ id: base, path: base.gguf, ${own.slice(1)}`;
      await put('hearth.yaml', `models: [${entry}]\ndefaults: ${defaults}\n`);
      expect((await open()).current().models.get(modelId('base'))?.repack).toBe(repacks);
    },
  );

  test.each([
    [
      'a missing weight file',
      'models:\n  - { id: base, path: gone.gguf }',
      '2:23: models[0].path: Cannot read',
    ],
    [
      'an adapter as a model',
      'models:\n  - { id: base, path: fixed.gguf }',
      'expected a model, got an adapter',
    ],
    [
      'an unknown base',
      'adapters:\n  - { id: a, base: b, path: fixed.gguf }',
      '2:20: adapters[0].base: expected the id',
    ],
    [
      'another architecture',
      'models: [{ id: q, path: qwen.gguf }]\nadapters:\n  - { id: a, base: q, path: fixed.gguf }',
      '3:20: adapters[0].base: Cannot use adapter "a" with "q": expected architecture "qwen2", got "llama"',
    ],
    [
      'a name twice',
      'models: [{ id: base, path: base.gguf }]\nadapters:\n  - { id: base, base: base, path: fixed.gguf }',
      '3:11: adapters[0].id: expected a name that no other',
    ],
    [
      'an alias to nothing',
      'models: [{ id: base, path: base.gguf }]\naliases:\n  x: nope',
      '3:6: aliases.x: Cannot find model "nope"',
    ],
    [
      'aliases in a circle',
      'models: [{ id: base, path: base.gguf }]\naliases: { x: y, y: x }',
      'more than 8 steps',
    ],
    [
      'a missing template',
      'models:\n  - { id: base, path: base.gguf, chat_template_file: no.jinja }',
      '2:54: models[0].chat_template_file: Cannot read chat template',
    ],
  ])('refuses a file with %s, and says where', async (_, yaml, message) => {
    await put('hearth.yaml', yaml);
    const service = await openResult();
    expect(service.ok).toBe(false);
    if (!service.ok) expect(service.error.message).toContain(message);
  });

  test('keeps what the admin API added, across a restart', async () => {
    const first = await open();
    await first.addModel({ id: 'q', path: 'qwen.gguf', maxThreads: 2 });
    await first.addAdapter({ id: 'extra', base: 'base', path: 'extra.gguf', scale: 0.5 });
    await first.addAlias({ name: 'x:y', target: 'extra' });
    const second = await open();
    expect(second.current()).toEqual(first.current());
    expect(names(second.current())).toBe('base q fixed extra chat x:y');
  });

  test('lets the file win over an entry of the admin API with the same id, and says so', async () => {
    await (await open()).addAdapter({ id: 'extra', base: 'base', path: 'extra.gguf' });
    await put('hearth.yaml', YAML.replace('id: fixed', 'id: extra').replace('+fixed', '+extra'));
    const service = await open();
    expect(service.current().adapters.get(adapterId('extra'))?.source).toBe('file');
    expect(events.events.at(-1)).toMatchObject({
      type: 'catalogue_entry_left_out',
      detail: { kind: 'adapter', id: 'extra', reason: 'the configuration file has this id' },
    });
  });

  test('leaves out an entry of the admin API whose file has gone, and lets it be removed', async () => {
    await (await open()).addAdapter({ id: 'extra', base: 'base', path: 'extra.gguf' });
    await rm(join(directory, 'extra.gguf'));
    const service = await open();
    expect(names(service.current())).toBe('base fixed chat');
    expect(events.types()).toContain('catalogue_entry_left_out');
    expect(await service.removeAdapter('extra')).toEqual({ ok: true, value: true });
    expect(store.adapters.size).toBe(0);
    expect(await service.removeAdapter('extra')).toMatchObject({ error: { code: 'not_found' } });
  });
});

describe('CatalogueService.addAdapter()', () => {
  test('under its own id again makes a new revision of another file', async () => {
    const service = await open();
    const first = await service.addAdapter({ id: 'extra', base: 'base', path: 'extra.gguf' });
    const before = revisionOf(service, 'extra');
    await put('extra.gguf', adapterBytes('llama', 'better'));
    const second = await service.addAdapter({ id: 'extra', base: 'base', path: 'extra.gguf' });
    expect(first.ok && second.ok).toBe(true);
    expect(before).toMatch(/^[0-9a-f]{12}$/);
    expect(revisionOf(service, 'extra')).not.toBe(before);
    expect(events.types()).toEqual(['adapter_added', 'adapter_replaced']);
  });

  test('with another scale is another revision, with nothing changed it is the same', async () => {
    const service = await open();
    await service.addAdapter({ id: 'extra', base: 'base', path: 'extra.gguf' });
    const before = revisionOf(service, 'extra');
    await service.addAdapter({ id: 'extra', base: 'base', path: 'extra.gguf' });
    expect(revisionOf(service, 'extra')).toBe(before);
    await service.addAdapter({ id: 'extra', base: 'base', path: 'extra.gguf', scale: 0.5 });
    expect(revisionOf(service, 'extra')).not.toBe(before);
  });

  test.each([
    [{ id: 'extra', base: 'nope', path: 'extra.gguf' }, 'model_not_found', 'base'],
    [{ id: 'extra', base: 'fixed', path: 'extra.gguf' }, 'model_not_found', 'base'],
    [{ id: 'fixed', base: 'base', path: 'extra.gguf' }, 'conflict', 'id'],
    [{ id: 'base', base: 'base', path: 'extra.gguf' }, 'conflict', 'id'],
    [{ id: 'chat', base: 'base', path: 'extra.gguf' }, 'conflict', 'id'],
    [{ id: 'a+b', base: 'base', path: 'extra.gguf' }, 'invalid_request', 'id'],
    [{ id: 'extra', base: 'base', path: 'gone.gguf' }, 'invalid_request', 'path'],
    [{ id: 'extra', base: 'base', path: 'base.gguf' }, 'invalid_request', 'path'],
  ])('refuses %j with %s', async (spec, code, param) => {
    const service = await open();
    const before = service.current();
    expect(await service.addAdapter(spec)).toMatchObject({ ok: false, error: { code, param } });
    expect(service.current()).toBe(before);
    expect(store.adapters.size).toBe(0);
  });

  test('refuses another architecture than its base has', async () => {
    const service = await open();
    await service.addModel({ id: 'q', path: 'qwen.gguf' });
    const added = await service.addAdapter({ id: 'extra', base: 'q', path: 'extra.gguf' });
    expect(added).toMatchObject({ ok: false, error: { code: 'invalid_request', param: 'base' } });
  });

  test('changes nothing when the store refuses', async () => {
    const service = await open();
    const before = service.current();
    store.failNext = new Error('disk full');
    await expect(service.addAdapter({ id: 'extra', base: 'base', path: 'extra.gguf' })).rejects.toThrow(
      'disk full',
    );
    expect(service.current()).toBe(before);
    expect(await service.addAdapter({ id: 'extra', base: 'base', path: 'extra.gguf' })).toMatchObject({
      ok: true,
    });
  });
});

describe('CatalogueService.addModel()', () => {
  test('gives another revision with anything that can change an output, and only then', async () => {
    const service = await open();
    const revisions: unknown[] = [];
    const options = [
      {},
      { sequences: 5, ownedBy: 'x', idleTtlMs: null },
      { contextTokens: 128 },
      { chatTemplate: 't' },
    ];
    for (const option of options) {
      const model = await service.addModel({ id: 'q', path: 'qwen.gguf', ...option });
      revisions.push(model.ok && model.value.revision);
    }
    expect(revisions[1]).toBe(revisions[0]);
    expect(new Set(revisions).size).toBe(3);
  });

  test('refuses a file that the adapters of the model do not fit', async () => {
    const service = await open();
    await service.addModel({ id: 'm', path: 'base.gguf' });
    await service.addAdapter({ id: 'extra', base: 'm', path: 'extra.gguf' });
    const replaced = await service.addModel({ id: 'm', path: 'qwen.gguf' });
    expect(replaced).toMatchObject({ ok: false, error: { code: 'conflict', param: 'path' } });
  });

  test('lets one of two that come at once have the id', async () => {
    const service = await open();
    const outcomes = await Promise.all([
      service.addModel({ id: 'same', path: 'base.gguf' }),
      service.addAdapter({ id: 'same', base: 'base', path: 'extra.gguf' }),
    ]);
    expect(outcomes).toMatchObject([{ ok: true }, { ok: false, error: { code: 'conflict' } }]);
  });
});

describe('CatalogueService.addAlias()', () => {
  test.each([
    [{ name: 'x', target: 'nope' }, 'model_not_found', 'target'],
    [{ name: 'x', target: 'x' }, 'model_not_found', 'target'],
    [{ name: 'x', target: 'base+fixed@y' }, 'invalid_lora', 'target'],
    [{ name: 'chat', target: 'base' }, 'conflict', 'name'],
    [{ name: 'fixed', target: 'base' }, 'conflict', 'name'],
    [{ name: 'a b', target: 'base' }, 'invalid_request', 'name'],
  ])('refuses %j with %s', async (spec, code, param) => {
    const service = await open();
    expect(await service.addAlias(spec)).toMatchObject({ ok: false, error: { code, param } });
  });
});

describe('CatalogueService removes', () => {
  test('what the admin API added', async () => {
    const service = await open();
    await service.addModel({ id: 'q', path: 'base.gguf' });
    await service.addAdapter({ id: 'extra', base: 'q', path: 'extra.gguf' });
    await service.addAlias({ name: 'x', target: 'extra' });
    expect(await service.removeAlias('x')).toMatchObject({ ok: true });
    expect(await service.removeAdapter('extra')).toMatchObject({ ok: true });
    expect(await service.removeModel('q')).toMatchObject({ ok: true });
    expect(names(service.current())).toBe('base fixed chat');
    expect(await store.load()).toEqual({ models: [], adapters: [], aliases: [] });
  });

  test('nothing of the file, nothing that is needed, nothing unknown', async () => {
    const service = await open();
    await service.addModel({ id: 'q', path: 'base.gguf' });
    await service.addAdapter({ id: 'extra', base: 'q', path: 'extra.gguf' });
    await service.addAlias({ name: 'x', target: 'extra' });
    const before = service.current();
    expect(await service.removeAdapter('fixed')).toMatchObject({ error: { code: 'conflict' } });
    expect(await service.removeAlias('chat')).toMatchObject({ error: { code: 'conflict' } });
    expect(await service.removeModel('q')).toMatchObject({ error: { code: 'conflict' } });
    expect(await service.removeAdapter('extra')).toMatchObject({
      error: { code: 'conflict', message: 'Cannot remove adapter "extra": alias "x" needs it' },
    });
    expect(await service.removeModel('never')).toMatchObject({ error: { code: 'not_found' } });
    expect(await service.removeModel('extra')).toMatchObject({ error: { code: 'not_found' } });
    expect(service.current()).toBe(before);
  });
});

describe('CatalogueService.reload()', () => {
  test('takes up a new file and tells its listeners', async () => {
    const service = await open();
    const seen: Catalogue[] = [];
    const stop = service.onChange((catalogue) => seen.push(catalogue));
    await put('hearth.yaml', 'models: [{ id: renamed, path: base.gguf }]');
    expect(await service.reload()).toMatchObject({ ok: true });
    expect(names(service.current())).toBe('renamed');
    stop();
    await service.reload();
    expect(seen.map(names)).toEqual(['renamed']);
    expect(events.types()).toContain('catalogue_reloaded');
  });

  test('gives a file that changed on disk a new revision', async () => {
    const service = await open();
    const before = revisionOf(service, 'fixed');
    await put('fixed.gguf', adapterBytes('llama', 'other'));
    await service.reload();
    expect(revisionOf(service, 'fixed')).not.toBe(before);
  });

  test.each([
    ['broken YAML', 'models: ['],
    ['a wrong value', 'models: 3'],
    ['a missing weight file', 'models: [{ id: base, path: gone.gguf }]'],
  ])('of a file with %s changes nothing and says why', async (_, yaml) => {
    const service = await open();
    const before = service.current();
    let calls = 0;
    service.onChange(() => calls++);
    await put('hearth.yaml', yaml);
    const reloaded = await service.reload();
    expect(reloaded).toMatchObject({ ok: false, error: { code: 'invalid_request' } });
    expect(!reloaded.ok && reloaded.error.message).toContain(`${directory}/hearth.yaml:1:`);
    expect(service.current()).toBe(before);
    expect(calls).toBe(0);
    expect(events.events.at(-1)).toMatchObject({ type: 'catalogue_reload_failed' });
  });

  test('keeps the entries of the admin API, and leaves out those whose base has gone', async () => {
    const service = await open();
    await service.addModel({ id: 'q', path: 'qwen.gguf' });
    await service.addAdapter({ id: 'extra', base: 'base', path: 'extra.gguf' });
    await put('hearth.yaml', 'models: []');
    await service.reload();
    expect(names(service.current())).toBe('q');
    await put('hearth.yaml', YAML);
    await service.reload();
    expect(names(service.current())).toBe('base q fixed extra chat');
  });
});

import { mkdtemp, rm, truncate, unlink, writeFile } from 'node:fs/promises';
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
defaults: { sequences: 3, chat_template: hello }
`;
const QUIET: Log = { debug() {}, info() {}, warn() {}, error() {} };

let directory = '';
let store: MemoryCatalogueStore;
let events: MemoryEventLog;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-files-'));
  store = new MemoryCatalogueStore();
  events = new MemoryEventLog();
  const files = {
    'base.gguf': modelBytes('llama', 512),
    'fixed.gguf': adapterBytes('llama', 'fixed'),
    'extra.gguf': adapterBytes('llama', 'extra'),
    'qwen.gguf': modelBytes('qwen2', 1024),
    'hearth.yaml': YAML,
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function open(): Promise<CatalogueService> {
  const service = await CatalogueService.open({
    configPath: join(directory, 'hearth.yaml'),
    files: new GgufFiles(),
    converter: NO_CONVERTER,
    sources: new SourceAccess(() => undefined),
    store,
    events,
    log: QUIET,
    clock: { monoMs: () => 0, epochMs: () => 1234 },
  });
  if (!service.ok) throw new Error(service.error.message);
  return service.value;
}

describe('CatalogueService.review()', () => {
  const modelOf = (service: CatalogueService, id: string) => service.current().models.get(modelId(id))!;
  const adapterOf = (service: CatalogueService, id: string) => service.current().adapters.get(adapterId(id))!;
  const review = (service: CatalogueService, id = 'base', adapters: readonly string[] = []) =>
    service.review(
      modelOf(service, id),
      adapters.map((one) => adapterOf(service, one)),
    );

  /** A service with listeners, and what they were told of. */
  async function watched(): Promise<{ service: CatalogueService; told: Catalogue[] }> {
    const service = await open();
    const told: Catalogue[] = [];
    service.onChange((catalogue) => told.push(catalogue));
    return { service, told };
  }

  test('finds files as they were, of the configuration and of the admin API', async () => {
    const { service } = await watched();
    expect((await service.addModel({ id: 'own', path: join(directory, 'qwen.gguf') })).ok).toBe(true);
    const extra = { id: 'extra', base: 'base', path: join(directory, 'extra.gguf'), scale: 0.5 };
    expect((await service.addAdapter(extra)).ok).toBe(true);
    const before = service.current();
    expect(await review(service, 'base', ['fixed', 'extra'])).toEqual({ ok: true, value: true });
    expect(await review(service, 'own')).toEqual({ ok: true, value: true });
    expect(service.current()).toBe(before);
  });

  test('gives a model whose file was overwritten in place a new revision, before it says that it fails', async () => {
    const { service, told } = await watched();
    const old = modelOf(service, 'base');
    await writeFile(join(directory, 'base.gguf'), modelBytes('llama', 1024));
    const reviewed = await service.review(old, []);
    expect(reviewed).toEqual({
      ok: false,
      error: {
        code: 'start_failed',
        message: `Cannot use model "base": expected its weight file "${old.path}" as it was at revision "${old.revision}", got a changed one`,
      },
    });
    const model = modelOf(service, 'base');
    expect(model).toMatchObject({
      contextTokens: 1024,
      sequences: 3,
      createdAtEpochMs: old.createdAtEpochMs,
    });
    expect(model.revision).not.toBe(old.revision);
    expect(told.map(({ models }) => models.get(modelId('base'))?.revision)).toEqual([model.revision]);
    expect(events.events.at(-1)).toMatchObject({
      type: 'model_changed',
      detail: { id: 'base', revision: model.revision },
    });
    expect((await review(service)).ok).toBe(true);
    // Who still has the old one in hand is refused again, and nothing changes once more.
    expect((await service.review(old, [])).ok).toBe(false);
    expect(told).toHaveLength(1);
  });

  test('makes of a changed file the revision that a reload makes of it', async () => {
    const { service } = await watched();
    await writeFile(join(directory, 'base.gguf'), modelBytes('llama', 1024));
    await review(service);
    const changed = modelOf(service, 'base');
    expect((await service.reload()).ok).toBe(true);
    expect(modelOf(service, 'base')).toEqual({ ...changed, createdAtEpochMs: expect.any(Number) });
  });

  test('gives an adapter a new revision, and keeps that of one of the admin API over a restart', async () => {
    const { service, told } = await watched();
    const path = join(directory, 'extra.gguf');
    await service.addAdapter({ id: 'extra', base: 'base', path, scale: 0.5 });
    const old = adapterOf(service, 'extra');
    await writeFile(path, adapterBytes('llama', 'extra, but longer'));
    expect(await review(service, 'base', ['fixed', 'extra'])).toMatchObject({
      error: { code: 'start_failed', message: expect.stringContaining('Cannot use adapter "extra"') },
    });
    expect(adapterOf(service, 'extra')).toMatchObject({ scale: 0.5, source: 'api' });
    expect(adapterOf(service, 'extra').revision).not.toBe(old.revision);
    expect(events.events.at(-1)).toMatchObject({
      type: 'adapter_changed',
      detail: { id: 'extra', base: 'base' },
    });
    expect(told).toHaveLength(2);
    expect(store.adapters.get('extra')?.revision).toBe(adapterOf(service, 'extra').revision);
  });

  test('keeps a model of the admin API as it was configured', async () => {
    const { service } = await watched();
    const path = join(directory, 'qwen.gguf');
    await service.addModel({ id: 'own', path, contextTokens: 64, chatTemplate: 'x', maxThreads: 2 });
    const old = modelOf(service, 'own');
    await writeFile(path, modelBytes('qwen2', 2048));
    expect((await review(service, 'own')).ok).toBe(false);
    const model = modelOf(service, 'own');
    const { revision, segment } = model;
    expect(model).toEqual({ ...old, revision, segment });
    expect(segment).not.toBe(old.segment);
    expect(model.revision).not.toBe(old.revision);
    expect(model.segment).not.toBe(old.segment);
    expect(store.models.get('own')?.revision).toBe(model.revision);
  });

  test('fails for a file that has gone, or is no weight file any more, and changes nothing', async () => {
    const { service, told } = await watched();
    const path = join(directory, 'base.gguf');
    await truncate(path, 3);
    expect(await review(service)).toMatchObject({
      error: { code: 'not_found', message: expect.stringContaining(`Cannot read weight file "${path}"`) },
    });
    await unlink(path);
    expect(await review(service)).toMatchObject({
      error: {
        code: 'not_found',
        message: `Cannot use model "base": Cannot read weight file "${path}": there is no such file`,
      },
    });
    expect(told).toEqual([]);
  });

  test('looks at nothing of what the catalogue has no more', async () => {
    const { service, told } = await watched();
    await service.addAdapter({ id: 'extra', base: 'base', path: join(directory, 'extra.gguf') });
    const [model, adapter] = [modelOf(service, 'base'), adapterOf(service, 'extra')];
    await service.removeAdapter('extra');
    await writeFile(join(directory, 'extra.gguf'), adapterBytes('llama', 'another one'));
    expect((await service.review(model, [adapter])).ok).toBe(false);
    expect(told).toHaveLength(2);
  });
});

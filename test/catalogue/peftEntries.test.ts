import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CatalogueService } from '../../gateway/catalogue/catalogueService.ts';
import { GgufFiles } from '../../gateway/catalogue/ggufFiles.ts';
import { convertPeft } from '../../gateway/catalogue/peft/convertPeft.ts';
import { PeftAdapters } from '../../gateway/catalogue/peft/peftAdapters.ts';
import { SourceAccess } from '../../gateway/catalogue/sourceAccess.ts';
import type { CatalogueModel } from '../../gateway/domain/catalogue.ts';
import { adapterId, modelId } from '../../gateway/domain/ids.ts';
import type { Log } from '../../gateway/ports/log.ts';
import { MemoryCatalogueStore } from '../fakes/memoryCatalogueStore.ts';
import { MemoryEventLog } from '../fakes/memoryEventLog.ts';
import { baseBytes, peftTensors, TINY_MODELS, type TinyModel, writePeft } from './peft/tinyModels.ts';

const [LLAMA, MISTRAL] = TINY_MODELS as readonly [TinyModel, TinyModel];
const FEWER_HEADS = { 'llama.attention.head_count': 2, 'llama.attention.head_count_kv': 1 };
const QUIET: Log = { debug() {}, info() {}, warn() {}, error() {} };

let directory = '';
let peft = '';
let store: MemoryCatalogueStore;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hearth-entries-'));
  store = new MemoryCatalogueStore();
  peft = writePeft(join(directory, 'peft'), peftTensors(LLAMA));
  writeFileSync(join(directory, 'base.gguf'), baseBytes(LLAMA));
  writeFileSync(join(directory, 'fewer.gguf'), baseBytes(LLAMA, FEWER_HEADS));
  writeFileSync(join(directory, 'mistral.gguf'), baseBytes(MISTRAL));
  writeFileSync(join(directory, 'hearth.yaml'), 'models: []\n');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function open(): Promise<CatalogueService> {
  const files = new GgufFiles();
  const service = await CatalogueService.open({
    configPath: join(directory, 'hearth.yaml'),
    files,
    converter: new PeftAdapters(join(directory, 'data'), { run: (job) => convertPeft(job) }, files),
    sources: new SourceAccess(() => undefined),
    store,
    events: new MemoryEventLog(),
    log: QUIET,
    clock: { monoMs: () => 0, epochMs: () => 1234 },
  });
  if (!service.ok) throw new Error(service.error.message);
  return service.value;
}

async function withAdapter(): Promise<CatalogueService> {
  const service = await open();
  expect(await service.addModel({ id: 'base', path: 'base.gguf' })).toMatchObject({ ok: true });
  expect(await service.addAdapter({ id: 'a', base: 'base', path: 'peft', scale: 0.5 })).toMatchObject({
    ok: true,
  });
  return service;
}

function reviewed(service: CatalogueService) {
  const { models, adapters } = service.current();
  return service.review(models.get(modelId('base')) as CatalogueModel, [...adapters.values()]);
}

const adapterOf = (service: CatalogueService) => service.current().adapters.get(adapterId('a'));

describe('a PEFT directory as an entry of the admin API', () => {
  test('is kept as it was given, and is there again after a restart with the same revision', async () => {
    const before = adapterOf(await withAdapter());
    expect(before).toMatchObject({ converted: { from: peft }, scale: 0.5 });
    expect(store.adapters.get('a')).toMatchObject({ path: peft });
    expect(store.adapters.get('a')).not.toHaveProperty('converted');
    expect(adapterOf(await open())).toEqual(before);
  });

  test('is converted anew when its base is replaced by one of other heads', async () => {
    const service = await withAdapter();
    const before = adapterOf(service);
    expect(await service.addModel({ id: 'base', path: 'fewer.gguf' })).toMatchObject({ ok: true });
    const after = adapterOf(service);
    expect(after?.path).not.toBe(before?.path);
    expect(after?.revision).not.toBe(before?.revision);
    expect(after).toMatchObject({ converted: { from: peft }, scale: 0.5, createdAtEpochMs: 1234 });
    expect(adapterOf(await open())).toEqual(after);
  });

  test('stands in the way of a base that it does not fit', async () => {
    const service = await withAdapter();
    const before = service.current();
    expect(await service.addModel({ id: 'base', path: 'mistral.gguf' })).toMatchObject({
      ok: false,
      error: { code: 'conflict', param: 'path' },
    });
    expect(service.current()).toBe(before);
  });

  test('is as its revision says for review(), whatever its directory has become, until a reload', async () => {
    const service = await withAdapter();
    const before = service.current();
    writePeft(peft, peftTensors({ ...LLAMA, name: 'other numbers' }));
    expect(await reviewed(service)).toEqual({ ok: true, value: true });
    expect(service.current()).toBe(before);
    await service.reload();
    expect(adapterOf(service)?.revision).not.toBe(before.adapters.get(adapterId('a'))?.revision);
  });

  test('is converted again by review() when its file has gone', async () => {
    const service = await withAdapter();
    const before = adapterOf(service);
    rmSync(before?.path ?? '');
    expect(await reviewed(service)).toMatchObject({ ok: false, error: { code: 'not_found' } });
    expect(await reviewed(service)).toEqual({ ok: true, value: true });
    expect(adapterOf(service)).toEqual(before);
  });

  test('is converted anew by review() when its base was overwritten in place', async () => {
    const service = await withAdapter();
    const before = adapterOf(service);
    writeFileSync(join(directory, 'base.gguf'), baseBytes(LLAMA, FEWER_HEADS));
    expect(await reviewed(service)).toMatchObject({ ok: false, error: { code: 'start_failed' } });
    expect(adapterOf(service)?.path).not.toBe(before?.path);
    expect(store.adapters.get('a')).toMatchObject({ path: peft, revision: adapterOf(service)?.revision });
    expect(await reviewed(service)).toEqual({ ok: true, value: true });
  });

  test('is left out with the reason while its directory is not there', async () => {
    await withAdapter();
    rmSync(peft, { recursive: true });
    const service = await open();
    expect(adapterOf(service)).toBeUndefined();
    expect(await service.removeAdapter('a')).toMatchObject({ ok: true });
  });
});

import { describe, expect, test } from 'vitest';
import type { CatalogueAlias } from '../../gateway/domain/catalogue.ts';
import { adapterId, deviceName, modelId } from '../../gateway/domain/ids.ts';
import type { CatalogueStore, StoredAdapter, StoredModel } from '../../gateway/ports/catalogueStore.ts';

const MODEL: StoredModel = {
  id: modelId('m'),
  engine: 'llama',
  path: '/models/m.gguf',
  contextTokens: 4096,
  sequences: 4,
  maxSequences: 16,
  maxThreads: null,
  deviceLayers: -1,
  device: deviceName('CUDA1'),
  sleeps: false,
  sleepAfterMs: 60_000,
  useMmap: true,
  repack: false,
  kvBudgetBytes: 2 ** 40,
  minRunners: 1,
  maxRunners: 3,
  idleTtlMs: null,
  chatTemplate: '{{ messages }}',
  ownedBy: 'team',
  revision: '0123456789ab',
  weightBytes: 20 * 2 ** 30,
  digest: `sha256:${'0a'.repeat(32)}`,
  createdAtEpochMs: 1,
  source: 'api',
};

const ADAPTER: StoredAdapter = {
  id: adapterId('a'),
  base: modelId('m'),
  path: '/models/a.gguf',
  scale: -0.75,
  revision: 'ba9876543210',
  weightBytes: 1024,
  digest: `tree:${'0b'.repeat(32)}`,
  createdAtEpochMs: 2,
  source: 'api',
};

const ALIAS: CatalogueAlias = { name: 'gpt:latest', target: 'm+a@0.5', createdAtEpochMs: 3, source: 'api' };

export function describeCatalogueStore(name: string, make: () => Promise<CatalogueStore>): void {
  describe(`${name} as a CatalogueStore`, () => {
    test('load() gives back what was put, the oldest first', async () => {
      const store = await make();
      const { digest: _digest, ...anything } = MODEL;
      const older = { ...anything, id: modelId('z'), createdAtEpochMs: 0 };
      await store.putModel(MODEL);
      await store.putModel(older);
      await store.putAdapter(ADAPTER);
      await store.putAlias(ALIAS);
      expect(await store.load()).toEqual({ models: [older, MODEL], adapters: [ADAPTER], aliases: [ALIAS] });
    });

    test('putModel(), putAdapter() and putAlias() replace what has the same id', async () => {
      const store = await make();
      await store.putModel(MODEL);
      await store.putAdapter(ADAPTER);
      await store.putAlias(ALIAS);
      const model = { ...MODEL, sequences: 9, useMmap: false, chatTemplate: null };
      const adapter = { ...ADAPTER, revision: 'ffffffffffff', scale: 1 };
      const alias = { ...ALIAS, target: 'm' };
      await store.putModel(model);
      await store.putAdapter(adapter);
      await store.putAlias(alias);
      expect(await store.load()).toEqual({ models: [model], adapters: [adapter], aliases: [alias] });
    });

    test('deleteModel(), deleteAdapter() and deleteAlias() remove, also what is not there', async () => {
      const store = await make();
      await store.putModel(MODEL);
      await store.putAdapter(ADAPTER);
      await store.putAlias(ALIAS);
      await Promise.all([store.deleteModel('m'), store.deleteAdapter('a'), store.deleteAlias('gpt:latest')]);
      await store.deleteModel('never');
      expect(await store.load()).toEqual({ models: [], adapters: [], aliases: [] });
    });
  });
}

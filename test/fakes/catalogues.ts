import type {
  Catalogue,
  CatalogueAdapter,
  CatalogueAlias,
  CatalogueModel,
} from '../../gateway/domain/catalogue.ts';
import { adapterId, modelId } from '../../gateway/domain/ids.ts';

/** A model with nothing special but its id; `revision` is made from the id. */
export function catalogueModel(id: string, changes: Partial<CatalogueModel> = {}): CatalogueModel {
  return {
    id: modelId(id),
    engine: 'llama',
    path: `/models/${id}.gguf`,
    contextTokens: 2048,
    sequences: 8,
    maxSequences: changes.sequences ?? 8,
    maxThreads: null,
    deviceLayers: -1,
    device: null,
    sleeps: null,
    sleepAfterMs: null,
    layers: 0,
    useMmap: true,
    repack: false,
    kvBudgetBytes: null,
    minRunners: 0,
    maxRunners: 1,
    idleTtlMs: 300_000,
    chatTemplate: null,
    ownedBy: 'hearth',
    revision: `rev-${id}`,
    weightBytes: 1000,
    segment: null,
    kvBytesPerToken: 0,
    computeBytes: 0,
    createdAtEpochMs: 0,
    source: 'file',
    ...changes,
  };
}

export function catalogueAdapter(
  id: string,
  base: string,
  changes: Partial<CatalogueAdapter> = {},
): CatalogueAdapter {
  return {
    id: adapterId(id),
    base: modelId(base),
    path: `/models/${id}.gguf`,
    scale: 1,
    revision: `rev-${id}`,
    weightBytes: 10,
    segment: null,
    createdAtEpochMs: 0,
    source: 'file',
    ...changes,
  };
}

/** A catalogue of these; aliases as name to target. */
export function catalogueOf(
  models: readonly CatalogueModel[],
  adapters: readonly CatalogueAdapter[] = [],
  aliases: Readonly<Record<string, string>> = {},
): Catalogue {
  const alias = ([name, target]: [string, string]): [string, CatalogueAlias] => [
    name,
    { name, target, createdAtEpochMs: 0, source: 'file' },
  ];
  return {
    models: new Map(models.map((model) => [model.id, model])),
    adapters: new Map(adapters.map((adapter) => [adapter.id, adapter])),
    scaling: new Map(),
    aliases: new Map(Object.entries(aliases).map(alias)),
  };
}

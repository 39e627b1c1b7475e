import type { Catalogue, CatalogueAdapter, CatalogueModel } from '../../gateway/domain/catalogue.ts';
import { type Combo, parseCombo } from '../../gateway/domain/combo.ts';
import { adapterId, modelId } from '../../gateway/domain/ids.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';

export const SETTINGS: PoolSettings = {
  targetOccupancy: 1,
  scaleUpDelayMs: 500,
  scaleDownAfterMs: 10_000,
  stableWindowMs: 60_000,
  panicWindowMs: 6_000,
  maxRunners: 2,
  standbys: 0,
  maxCombosPerRunner: 3,
  memoryBytes: 1e12,
  deviceBytes: {},
  maxAsleep: 4,
  queueLimit: 1024,
  queueLimitPerCombo: 256,
  queueShare: 0.5,
  fairWeights: { inputToken: 1, outputToken: 2, startSecond: 100 },
  flexSparesMs: 60_000,
  flexWaitMs: 600_000,
  flexWatermarkMs: 1000,
  abandonedStarts: 'keep',
  startTimeoutMs: 30_000,
  spawnTimeoutMs: 30_000,
  cpuThreads: 4,
  drainTimeoutMs: 10_000,
  swapAfterMs: 2000,
  eviction: 'gdsf',
  minResidencyMs: 0,
  quarantineBaseMs: 1000,
  quarantineCapMs: 300_000,
};

export function model(id: string, overrides: Partial<CatalogueModel> = {}): CatalogueModel {
  return {
    id: modelId(id),
    engine: 'llama',
    path: `/models/${id}.gguf`,
    contextTokens: 1024,
    sequences: 2,
    maxSequences: overrides.sequences ?? 2,
    maxThreads: null,
    deviceLayers: 0,
    device: null,
    sleeps: null,
    sleepAfterMs: null,
    layers: 0,
    useMmap: true,
    repack: false,
    kvBudgetBytes: null,
    minRunners: 0,
    maxRunners: 1,
    idleTtlMs: null,
    chatTemplate: null,
    ownedBy: 'test',
    revision: 'r1',
    weightBytes: 1000,
    kvBytesPerToken: 0,
    computeBytes: 20,
    createdAtEpochMs: 0,
    source: 'file',
    ...overrides,
  };
}

export function adapter(
  id: string,
  base: string,
  overrides: Partial<CatalogueAdapter> = {},
): CatalogueAdapter {
  return {
    id: adapterId(id),
    base: modelId(base),
    path: `/adapters/${id}.gguf`,
    scale: 1,
    revision: 'a1',
    weightBytes: 10,
    createdAtEpochMs: 0,
    source: 'file',
    ...overrides,
  };
}

export function catalogueOf(
  models: readonly CatalogueModel[],
  adapters: readonly CatalogueAdapter[] = [],
): Catalogue {
  return {
    models: new Map(models.map((entry) => [entry.id, entry])),
    adapters: new Map(adapters.map((entry) => [entry.id, entry])),
    aliases: new Map(),
    scaling: new Map(),
  };
}

export function comboOf(name: string, catalogue: Catalogue): Combo {
  const parsed = parseCombo(name, [], catalogue);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value;
}

import type { Catalogue, CatalogueAdapter, CatalogueModel } from '../../domain/catalogue.ts';
import { type Combo, parseCombo } from '../../domain/combo.ts';
import { adapterId, modelId } from '../../domain/ids.ts';

/** A base as the simulator knows it: what it holds, and how long it takes to load. */
export interface SimBase {
  readonly id: string;
  readonly weightBytes: number;
  readonly loadMs: number;
  /** KV cache and compute buffers of each combo's context. */
  readonly contextBytes: number;
  readonly sequences: number;
}

/** A combo on a base. */
export interface SimCombo {
  /** Canonical name. */
  readonly name: string;
  /** Index of its base. */
  readonly base: number;
  readonly attachMs: number;
}

/** All that can be asked for, with sizes and start costs. */
export interface Fleet {
  readonly bases: readonly SimBase[];
  readonly combos: readonly SimCombo[];
}

/** The fleet as the pool sees it. `combos` in the order of the fleet's. */
export interface FleetCatalogue {
  readonly catalogue: Catalogue;
  readonly combos: readonly Combo[];
}

/** `idleTtlMs` of every base; null: kept for ever. */
export function catalogueOfFleet(fleet: Fleet, idleTtlMs: number | null): FleetCatalogue {
  const models = fleet.bases.map((base) => modelOf(base, idleTtlMs));
  const adapters = new Map<string, CatalogueAdapter>();
  for (const { name, base } of fleet.combos) {
    for (const part of name.split('+').slice(1)) {
      const id = part.split('@')[0] ?? part;
      adapters.set(id, adapterOf(id, fleet.bases[base]?.id ?? ''));
    }
  }
  const catalogue: Catalogue = {
    models: new Map(models.map((entry) => [entry.id, entry])),
    adapters: new Map([...adapters.values()].map((entry) => [entry.id, entry])),
    aliases: new Map(),
    scaling: new Map(),
  };
  return { catalogue, combos: fleet.combos.map(({ name }) => parsed(name, catalogue)) };
}

function parsed(name: string, catalogue: Catalogue): Combo {
  const combo = parseCombo(name, [], catalogue);
  if (!combo.ok) throw new Error(combo.error.message);
  return combo.value;
}

/** What the pool predicts of it is what it then measures. */
function modelOf(
  { id, weightBytes, contextBytes, sequences }: SimBase,
  idleTtlMs: number | null,
): CatalogueModel {
  return {
    id: modelId(id),
    engine: 'llama',
    path: `/sim/${id}.gguf`,
    contextTokens: 4096,
    sequences,
    maxSequences: sequences,
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
    idleTtlMs,
    chatTemplate: null,
    ownedBy: 'sim',
    revision: '1',
    weightBytes,
    segment: null,
    kvBytesPerToken: 0,
    computeBytes: contextBytes,
    createdAtEpochMs: 0,
    source: 'file',
  };
}

function adapterOf(id: string, base: string): CatalogueAdapter {
  return {
    id: adapterId(id),
    base: modelId(base),
    path: `/sim/${id}.gguf`,
    scale: 1,
    revision: '1',
    weightBytes: 0,
    segment: null,
    createdAtEpochMs: 0,
    source: 'file',
  };
}

import type { Catalogue, CatalogueAdapter, CatalogueModel } from '../../domain/catalogue.ts';
import { type Combo, parseCombo } from '../../domain/combo.ts';
import { type AdapterId, adapterId, modelId } from '../../domain/ids.ts';

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
  const adapters = new Map<AdapterId, CatalogueAdapter>();
  for (const combo of fleet.combos) {
    const base = baseOf(fleet, combo);
    for (const part of combo.name.split('+').slice(1)) {
      const adapter = adapterOf(part.replace(/@.*/, ''), base.id);
      adapters.set(adapter.id, adapter);
    }
  }
  const catalogue: Catalogue = {
    models: new Map(models.map((entry) => [entry.id, entry])),
    adapters,
    aliases: new Map(),
    scaling: new Map(),
  };
  return { catalogue, combos: fleet.combos.map(({ name }) => parsed(name, catalogue)) };
}

export function baseOf({ bases }: Fleet, { name, base: index }: SimCombo): SimBase {
  const base = bases[index];
  if (!base) throw new Error(`Cannot replay "${name}": expected a base of the fleet at ${index}`);
  return base;
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
    weightBytes,
    kvBytesPerToken: 0,
    computeBytes: contextBytes,
    ...fileOf(id),
  };
}

function adapterOf(id: string, base: string): CatalogueAdapter {
  return {
    id: adapterId(id),
    base: modelId(base),
    scale: 1,
    weightBytes: 0,
    ...fileOf(id),
  };
}

/** Nobody reads it, but no two have the same. */
function fileOf(
  id: string,
): Pick<CatalogueModel, 'path' | 'revision' | 'segment' | 'createdAtEpochMs' | 'source'> {
  return { path: `/sim/${id}.gguf`, revision: '1', segment: null, createdAtEpochMs: 0, source: 'file' };
}

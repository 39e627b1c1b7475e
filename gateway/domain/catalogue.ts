import type { AdapterId, ComboName, DeviceName, ModelId, SegmentKey } from './ids.ts';

/** Where a catalogue entry comes from: the configuration file, or the admin API by way of SQLite. */
export type EntrySource = 'file' | 'api';

/** A base model as the operator describes it. Sizes in tokens and bytes, times in milliseconds. */
export interface CatalogueModel {
  readonly id: ModelId;
  /** `llama`: the embedded llama.cpp. */
  readonly engine: 'llama';
  /** Absolute path of the GGUF file, the first of a split one, or a directory with one; or the URI of its source (docs/sources.md). */
  readonly path: string;
  /** Where `path` is a directory: what an engine opens in it; absent: `path` itself. */
  readonly file?: string;
  /** Where `path` is a directory: all that is in it, which the weight store takes as one; absent: `weightBytes`. */
  readonly filesBytes?: number;
  /** Context of one sequence in tokens; what the model was trained with unless given. */
  readonly contextTokens: number;
  /** Requests of one combo that decode at the same time. */
  readonly sequences: number;
  /** Most sequences of a combo that is hot, on one runner; `sequences` or more. */
  readonly maxSequences: number;
  /** Most CPU threads that one runner may use; null: what the pool gives. */
  readonly maxThreads: number | null;
  /** Layers on the device; -1: all. */
  readonly deviceLayers: number;
  /** The one device that it may be on; null: any. */
  readonly device: DeviceName | null;
  /** Whether its runner may sleep instead of ending; null: when it is on a device. */
  readonly sleeps: boolean | null;
  /** How long an idle base is awake; null: until room is needed. */
  readonly sleepAfterMs: number | null;
  readonly useMmap: boolean;
  readonly repack: boolean;
  /** Bound of the KV memory of one runner's generation contexts; past it combos share contexts. null: none. */
  readonly kvBudgetBytes: number | null;
  /** Runners that the bare base is kept ready on. */
  readonly minRunners: number;
  /** Most runners that one combo is spread over. */
  readonly maxRunners: number;
  /** How long an idle combo, and then its idle base, is kept; null: for ever. */
  readonly idleTtlMs: number | null;
  /** Jinja text that replaces the model's own chat template. */
  readonly chatTemplate: string | null;
  readonly ownedBy: string;
  /** Changes with anything that could change an output: file identity, context, template. */
  readonly revision: string;
  readonly weightBytes: number;
  /** By which the weight store finds its file; null: it cannot hold it. */
  readonly segment: SegmentKey | null;
  /** Its file is a container of encrypted weights, which an engine opens only as it is staged; absent: it is plain. */
  readonly isEncrypted?: true;
  /** Of the file's header; 0: it does not say. */
  readonly layers: number;
  /** KV cache of one token over all layers, from the file's header; 0: it does not say. */
  readonly kvBytesPerToken: number;
  /** About what the compute buffers of one context take. */
  readonly computeBytes: number;
  readonly createdAtEpochMs: number;
  /** What the weights must be, as `sha256:`, `blake3:` or `tree:` and 64 hex digits; checked when they are staged. */
  readonly digest?: string;
  /** Why nothing is known of the weights, so that the model is only listed; absent when they are known. */
  readonly unavailable?: string;
  readonly source: EntrySource;
}

/** A LoRA adapter for one base model. */
export interface CatalogueAdapter {
  readonly id: AdapterId;
  readonly base: ModelId;
  /** Absolute path of the GGUF adapter, or the URI of its source. */
  readonly path: string;
  /** The PEFT directory that `path` was made from, and its content; absent when `path` is what the operator gave. */
  readonly converted?: { readonly from: string; readonly digest: string };
  /** Strength that `@1` stands for; a request's scale is multiplied by it. */
  readonly scale: number;
  /** Changes with the file's identity, or the content that it was converted from, and the scale. A replaced adapter is a new revision. */
  readonly revision: string;
  readonly weightBytes: number;
  /** By which the weight store finds its file; null: it cannot hold it. */
  readonly segment: SegmentKey | null;
  /** Its file is a container of encrypted weights, which an engine opens only as it is staged; absent: it is plain. */
  readonly isEncrypted?: true;
  readonly createdAtEpochMs: number;
  /** As of a model. */
  readonly digest?: string;
  /** As of a model. */
  readonly unavailable?: string;
  readonly source: EntrySource;
}

/** Another name for a combo. */
export interface CatalogueAlias {
  readonly name: string;
  /** A combo in any written form. */
  readonly target: string;
  readonly createdAtEpochMs: number;
  readonly source: EntrySource;
}

/** On how many runners a combo is ready. */
export interface ComboScaling {
  /** Kept ready on at least so many. */
  readonly minRunners: number;
  readonly maxRunners: number;
}

/** Everything that can be asked for, at one moment. Never changed in place: a new one replaces it. */
export interface Catalogue {
  readonly models: ReadonlyMap<ModelId, CatalogueModel>;
  readonly adapters: ReadonlyMap<AdapterId, CatalogueAdapter>;
  readonly aliases: ReadonlyMap<string, CatalogueAlias>;
  /** Of combos, by canonical name, that differ from their model. */
  readonly scaling: ReadonlyMap<ComboName, ComboScaling>;
}

/** Where an engine finds the weights at their source. */
export function weightFileOf({ path, file }: Pick<CatalogueModel, 'path' | 'file'>): string {
  return file === undefined ? path : `${path}/${file}`;
}

/** What the weight store takes for it. */
export function storedBytesOf({
  weightBytes,
  filesBytes,
}: Pick<CatalogueModel, 'weightBytes' | 'filesBytes'>): number {
  return filesBytes ?? weightBytes;
}

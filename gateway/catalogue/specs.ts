/**
 * Entries as an operator writes them, in the YAML file or to the admin API: what is absent comes from the defaults.
 * `undefined` is allowed where zod gives it.
 */
export interface ModelOptions {
  readonly engine?: 'llama' | undefined;
  readonly contextTokens?: number | undefined;
  readonly sequences?: number | undefined;
  readonly maxSequences?: number | undefined;
  readonly maxThreads?: number | undefined;
  readonly deviceLayers?: number | undefined;
  /** null: any. */
  readonly device?: string | null | undefined;
  /** null: when it is on a device. */
  readonly sleeps?: boolean | null | undefined;
  /** null: when room is needed. */
  readonly sleepAfterMs?: number | null | undefined;
  readonly useMmap?: boolean | undefined;
  readonly repack?: boolean | undefined;
  readonly kvBudgetBytes?: number | null | undefined;
  /** null: kept for ever. */
  readonly idleTtlMs?: number | null | undefined;
  readonly chatTemplate?: string | undefined;
  /** Relative paths start at the configuration file's directory, here and below. */
  readonly chatTemplateFile?: string | undefined;
  readonly ownedBy?: string | undefined;
  readonly minRunners?: number | undefined;
  readonly maxRunners?: number | undefined;
}

/** On how many runners a combo, by any of its names, is ready. */
export interface ScalingSpec {
  readonly minRunners?: number | undefined;
  readonly maxRunners?: number | undefined;
}

export interface ModelSpec extends ModelOptions {
  readonly id: string;
  /** Or the URI of a source. */
  readonly path: string;
  readonly digest?: string | undefined;
}

export interface AdapterSpec {
  readonly id: string;
  readonly base: string;
  readonly path: string;
  readonly digest?: string | undefined;
  readonly scale?: number | undefined;
}

export interface AliasSpec {
  readonly name: string;
  readonly target: string;
}

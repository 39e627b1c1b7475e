import type { KeyId } from './ids.ts';
import type { Endpoint } from './requestRecord.ts';

/** The inference endpoints, as scopes and the ledger name them. */
export const ENDPOINTS = [
  'chat_completions',
  'completions',
  'embeddings',
] as const satisfies readonly Endpoint[];

/** What a key may be used for; null: all of them, an empty list: none. */
export interface KeyScopes {
  /**
   * Names as a request's `model` has them. A base stands for itself and its combos with the adapters that the key may
   * use; a combo or an alias for exactly what it names.
   */
  readonly models: readonly string[] | null;
  /** Ids of adapters that may be combined with the bases in `models`. */
  readonly adapters: readonly string[] | null;
  readonly endpoints: readonly Endpoint[] | null;
}

export const ALL_SCOPES: KeyScopes = { models: null, adapters: null, endpoints: null };

/** What a key may use at most; null: without limit. */
export interface KeyLimits {
  readonly requestsPerMinute: number | null;
  /** Input and output. */
  readonly tokensPerMinute: number | null;
  readonly concurrentRequests: number | null;
}

export const NO_LIMITS: KeyLimits = {
  requestsPerMinute: null,
  tokensPerMinute: null,
  concurrentRequests: null,
};

export type BudgetPeriod = 'day' | 'month';

/** What a key may spend in a calendar day or month in UTC, in millionths of a US dollar. */
export interface KeyBudget {
  readonly period: BudgetPeriod;
  /** From here on answers carry a warning; null: none. */
  readonly softMicroUsd: number | null;
  /** Past it requests are refused until the period ends; null: they never are. */
  readonly hardMicroUsd: number | null;
}

/** A secret as it is kept: what is shown of it, and its keyed hash. */
export interface KeptSecret {
  /** The secret's first characters. */
  readonly prefix: string;
  /** HMAC-SHA256 in base64url, keyed by the data directory's key secret. */
  readonly hash: string;
}

/** An API key. The secret itself is nowhere. */
export interface ApiKey {
  readonly id: KeyId;
  readonly name: string;
  readonly secret: KeptSecret;
  /** The secret before the last rotation, and until when it still works; null: there is none. */
  readonly previous: (KeptSecret & { readonly untilEpochMs: number }) | null;
  readonly scopes: KeyScopes;
  readonly limits: KeyLimits;
  readonly budget: KeyBudget | null;
  readonly tags: Readonly<Record<string, string>>;
  /** Its share of the queue's turns against others; above 0. */
  readonly weight: number;
  readonly createdAtEpochMs: number;
  readonly rotatedAtEpochMs: number | null;
  /** null: never. */
  readonly expiresAtEpochMs: number | null;
  /** null: it is not disabled. */
  readonly disabledAtEpochMs: number | null;
  /** Disabled for ever; its row stays, since the ledger refers to it. */
  readonly deletedAtEpochMs: number | null;
}

export type KeyState = 'active' | 'expired' | 'disabled' | 'deleted';

export function stateOf(key: ApiKey, nowEpochMs: number): KeyState {
  if (key.deletedAtEpochMs !== null) return 'deleted';
  if (key.disabledAtEpochMs !== null) return 'disabled';
  return key.expiresAtEpochMs !== null && key.expiresAtEpochMs <= nowEpochMs ? 'expired' : 'active';
}

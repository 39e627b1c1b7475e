import type { ApiKey, KeyBudget, KeyLimits, KeyScopes } from '../../domain/apiKey.ts';
import type { Result } from '../../domain/errors.ts';

/** What an operator says of a key. */
export interface KeyTerms {
  readonly name: string;
  readonly scopes: KeyScopes;
  readonly limits: KeyLimits;
  readonly budget: KeyBudget | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly weight: number;
  readonly expiresAtEpochMs: number | null;
}

/** Changes of a key: what is not named stays. */
export interface KeyChanges extends Partial<KeyTerms> {
  readonly disabled?: boolean;
}

/** A key and its secret, which is told this once. */
export interface MadeKey {
  readonly key: ApiKey;
  readonly secret: string;
}

/** The operator's use case. Writes resolve when they are on disk, and count from then on. */
export interface KeyControl {
  /** In the order in which they were made, deleted ones too. */
  list(): readonly ApiKey[];
  get(id: string): ApiKey | null;
  create(terms: KeyTerms): Promise<Result<MadeKey>>;
  /** `not_found` when there is none, `conflict` when it is deleted; so do those below. */
  change(id: string, changes: KeyChanges): Promise<Result<ApiKey>>;
  /** A new secret; the one before works for `graceMs` more, and the one before that no longer. */
  rotate(id: string, graceMs: number): Promise<Result<MadeKey>>;
  /** Disables it for ever. */
  remove(id: string): Promise<Result<ApiKey>>;
}

import type { ApiKey, KeptSecret } from '../../domain/apiKey.ts';
import type { KeyId } from '../../domain/ids.ts';
import type { KeySecrets } from './keySecrets.ts';

/** One secret that opens, or has opened, a key. */
interface Opening {
  readonly keyId: KeyId;
  readonly kept: KeptSecret;
  /** Of the secret before a rotation; null: no end of its own. */
  readonly untilEpochMs: number | null;
}

/** All keys in memory, found by the visible part of a secret: a change takes effect with the next request. */
export class KeyRing {
  readonly #secrets: KeySecrets;
  readonly #keys = new Map<KeyId, ApiKey>();
  #living = 0;
  readonly #openings = new Map<string, Opening[]>();

  constructor(secrets: KeySecrets) {
    this.#secrets = secrets;
  }

  /** In the order in which they were made. */
  list(): readonly ApiKey[] {
    return [...this.#keys.values()];
  }

  get(id: string): ApiKey | null {
    return this.#keys.get(id as KeyId) ?? null;
  }

  /** Keys that were made and not deleted. */
  get size(): number {
    return this.#living;
  }

  put(key: ApiKey): void {
    this.#forget(key.id);
    this.#keys.set(key.id, key);
    if (key.deletedAtEpochMs === null) this.#living += 1;
    this.#open({ keyId: key.id, kept: key.secret, untilEpochMs: null });
    const { previous } = key;
    if (previous) this.#open({ keyId: key.id, kept: previous, untilEpochMs: previous.untilEpochMs });
  }

  /** The key that the secret opens, whatever its state; null: none. */
  find(secret: string, nowEpochMs: number): ApiKey | null {
    for (const { keyId, kept, untilEpochMs } of this.#openings.get(this.#secrets.prefixOf(secret)) ?? []) {
      const isOver = untilEpochMs !== null && untilEpochMs <= nowEpochMs;
      if (!isOver && this.#secrets.matches(secret, kept)) return this.get(keyId);
    }
    return null;
  }

  #open(opening: Opening): void {
    const { prefix } = opening.kept;
    this.#openings.set(prefix, [...(this.#openings.get(prefix) ?? []), opening]);
  }

  #forget(id: KeyId): void {
    const before = this.#keys.get(id);
    if (before?.deletedAtEpochMs === null) this.#living -= 1;
    for (const kept of before ? [before.secret, before.previous] : []) {
      if (!kept) continue;
      const left = (this.#openings.get(kept.prefix) ?? []).filter(({ keyId }) => keyId !== id);
      if (left.length > 0) this.#openings.set(kept.prefix, left);
      else this.#openings.delete(kept.prefix);
    }
  }
}

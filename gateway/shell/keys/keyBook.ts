import { randomBytes } from 'node:crypto';
import { checkScopes } from '../../access/scopes.ts';
import type { ApiKey, KeyScopes } from '../../domain/apiKey.ts';
import type { Catalogue } from '../../domain/catalogue.ts';
import { fail, ok, type Result } from '../../domain/errors.ts';
import { keyId } from '../../domain/ids.ts';
import type { Clock } from '../../ports/clock.ts';
import type { KeyStore } from '../../ports/keyStore.ts';
import type { KeyChanges, KeyControl, KeyTerms, MadeKey } from './keyControl.ts';
import type { KeyRing } from './keyRing.ts';
import type { KeySecrets } from './keySecrets.ts';

interface KeyBookDeps {
  readonly ring: KeyRing;
  readonly secrets: KeySecrets;
  readonly store: KeyStore;
  readonly catalogue: () => Catalogue;
  readonly clock: Clock;
}

/** API keys: the store remembers them, the ring opens with them. */
export class KeyBook implements KeyControl {
  readonly #deps: KeyBookDeps;
  /** One change after the other: each begins with what the one before has made of the key. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(deps: KeyBookDeps) {
    this.#deps = deps;
  }

  /** Puts the keys of the gateway's earlier lives on the ring. */
  async restore(): Promise<void> {
    for (const key of await this.#deps.store.load()) this.#deps.ring.put(key);
  }

  list(): readonly ApiKey[] {
    return this.#deps.ring.list();
  }

  get(id: string): ApiKey | null {
    return this.#deps.ring.get(id);
  }

  create(terms: KeyTerms): Promise<Result<MadeKey>> {
    return this.#inTurn(async () => {
      const scoped = this.#checkScopes(terms.scopes);
      if (!scoped.ok) return scoped;
      const { secrets, clock } = this.#deps;
      const secret = secrets.make();
      const saved = await this.#save({
        ...terms,
        id: keyId(`key_${randomBytes(9).toString('base64url')}`),
        secret: secrets.keep(secret),
        previous: null,
        createdAtEpochMs: clock.epochMs(),
        rotatedAtEpochMs: null,
        disabledAtEpochMs: null,
        deletedAtEpochMs: null,
      });
      return saved.ok ? ok({ key: saved.value, secret }) : saved;
    });
  }

  change(id: string, changes: KeyChanges): Promise<Result<ApiKey>> {
    return this.#inTurn(async () => {
      const found = this.#living(id, 'change');
      if (!found.ok) return found;
      const scoped = changes.scopes ? this.#checkScopes(changes.scopes) : ok(true);
      if (!scoped.ok) return scoped;
      const { disabled, ...terms } = changes;
      const since = found.value.disabledAtEpochMs;
      const disabledAtEpochMs =
        disabled === undefined ? since : disabled ? (since ?? this.#deps.clock.epochMs()) : null;
      return this.#save({ ...found.value, ...terms, disabledAtEpochMs });
    });
  }

  rotate(id: string, graceMs: number): Promise<Result<MadeKey>> {
    return this.#inTurn(async () => {
      const found = this.#living(id, 'rotate');
      if (!found.ok) return found;
      const { secrets, clock } = this.#deps;
      const secret = secrets.make();
      const nowEpochMs = clock.epochMs();
      const previous = { ...found.value.secret, untilEpochMs: nowEpochMs + graceMs };
      const saved = await this.#save({
        ...found.value,
        secret: secrets.keep(secret),
        previous: graceMs > 0 ? previous : null,
        rotatedAtEpochMs: nowEpochMs,
      });
      return saved.ok ? ok({ key: saved.value, secret }) : saved;
    });
  }

  remove(id: string): Promise<Result<ApiKey>> {
    return this.#inTurn(async () => {
      const found = this.#living(id, 'delete');
      if (!found.ok) return found;
      return this.#save({ ...found.value, previous: null, deletedAtEpochMs: this.#deps.clock.epochMs() });
    });
  }

  #living(id: string, action: string): Result<ApiKey> {
    const key = this.get(id);
    if (!key) return fail('not_found', `Cannot ${action} API key "${id.slice(0, 64)}": there is none`);
    if (key.deletedAtEpochMs === null) return ok(key);
    return fail('conflict', `Cannot ${action} API key "${key.id}": it is deleted, which is for ever`);
  }

  #checkScopes(scopes: KeyScopes): Result<true> {
    return checkScopes(scopes, this.#deps.catalogue());
  }

  async #save(key: ApiKey): Promise<Result<ApiKey>> {
    try {
      await this.#deps.store.put(key);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      return fail('internal', `Cannot keep API key "${key.id}": ${reason}`);
    }
    this.#deps.ring.put(key);
    return ok(key);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}

import { budgetRefusal, budgetWarning } from '../../access/budgets.ts';
import {
  type Allowances,
  allowances,
  type Charge,
  charge,
  discharge,
  emptyUsage,
  type KeyUsage,
  limitRefusal,
} from '../../access/limits.ts';
import { type ApiKey, stateOf } from '../../domain/apiKey.ts';
import { type Failure, fail, ok, type Result } from '../../domain/errors.ts';
import type { KeyId, RequestId } from '../../domain/ids.ts';
import type { RequestRecord } from '../../domain/requestRecord.ts';
import type { Clock } from '../../ports/clock.ts';
import type { SpendBook } from '../../ports/spendBook.ts';
import type { KeyRing } from './keyRing.ts';

/** What a request asks of its key's limits. */
export interface Ask {
  readonly requestId: RequestId;
  readonly arrivedAtEpochMs: number;
  /** Tokens that it is likely to take, for the limit by the minute. */
  readonly tokens: number;
  /** What it is taken to cost until it has ended, for the budget. */
  readonly reservedMicroUsd: number;
}

export interface Admission {
  /** null: it is admitted, and holds its share until it has ended. */
  readonly refusal: Failure | null;
  /** What is left now, the request itself counted if it was admitted. */
  readonly allowances: Allowances;
  readonly budgetWarning: string | null;
}

export interface KeyAccessDeps {
  readonly ring: KeyRing;
  readonly spend: SpendBook;
  readonly clock: Clock;
  /** Where no key exists: whoever comes is served. */
  readonly servesAnonymous: boolean;
}

interface Held {
  readonly keyId: KeyId;
  readonly charge: Charge;
  readonly reservedMicroUsd: number;
  readonly arrivedAtEpochMs: number;
}

/** Who may come in, and how much of it. Holds what running requests take of their keys' limits. */
export class KeyAccess {
  readonly #deps: KeyAccessDeps;
  readonly #usage = new Map<KeyId, KeyUsage>();
  readonly #held = new Map<RequestId, Held>();

  constructor(deps: KeyAccessDeps) {
    this.#deps = deps;
  }

  /** The key that a client's credential opens; null: none is required. The credential is in no message. */
  authenticate(credential: string | null): Result<ApiKey | null> {
    const { ring, clock, servesAnonymous } = this.#deps;
    if (servesAnonymous && ring.size === 0) return ok(null);
    if (credential === null) {
      const how = 'expected one in "Authorization: Bearer" or "x-api-key"';
      return fail('invalid_api_key', `You didn't provide an API key: ${how}`);
    }
    const nowEpochMs = clock.epochMs();
    const key = ring.find(credential, nowEpochMs);
    switch (key ? stateOf(key, nowEpochMs) : 'deleted') {
      case 'active':
        return ok(key);
      case 'expired':
        return fail('expired_api_key', `API key "${key?.id}" has expired`);
      case 'disabled':
        return fail('disabled_api_key', `API key "${key?.id}" is disabled`);
      case 'deleted':
        return fail('invalid_api_key', 'Incorrect API key provided');
    }
  }

  /** Admits a request by its key's limits and budget, or says why not; nothing is charged then. */
  admit(key: ApiKey, ask: Ask): Admission {
    const { spend, clock } = this.#deps;
    const nowMs = clock.monoMs();
    const nowEpochMs = clock.epochMs();
    const usage = this.#usageOf(key.id);
    const { reservedMicroUsd: mostMicroUsd } = ask;
    const { budget } = key;
    const spent = budget && spend.spent(key.id, budget.period, nowEpochMs);
    const overBudget = budget && spent && budgetRefusal(budget, spent, mostMicroUsd, nowEpochMs);
    const refusal = overBudget ?? limitRefusal(usage, key.limits, ask.tokens, nowMs);
    const warning = budget && spent && budgetWarning(budget, spent, mostMicroUsd, nowEpochMs);
    if (!refusal) {
      spend.reserve(key.id, mostMicroUsd);
      this.#held.set(ask.requestId, {
        keyId: key.id,
        charge: charge(usage, key.limits, ask.tokens, nowMs),
        reservedMicroUsd: mostMicroUsd,
        arrivedAtEpochMs: ask.arrivedAtEpochMs,
      });
    }
    return { refusal, allowances: allowances(usage, key.limits, nowMs), budgetWarning: warning };
  }

  /** A request has ended as its record tells: what it really took counts. */
  ended(record: RequestRecord): void {
    this.#settle(record.requestId, record.promptTokens + record.completionTokens, record.cost.totalMicroUsd);
  }

  /** A request is over; if it never got so far that it has a record, nothing was done for it. */
  over(requestId: RequestId): void {
    this.#settle(requestId, 0, 0);
  }

  #settle(requestId: RequestId, tokens: number, costMicroUsd: number): void {
    const held = this.#held.get(requestId);
    if (!held) return;
    this.#held.delete(requestId);
    const { ring, spend, clock } = this.#deps;
    const key = ring.get(held.keyId);
    if (key) discharge(this.#usageOf(key.id), key.limits, held.charge, tokens, clock.monoMs());
    spend.settle(held.keyId, held.reservedMicroUsd, costMicroUsd, held.arrivedAtEpochMs);
  }

  #usageOf(id: KeyId): KeyUsage {
    let usage = this.#usage.get(id);
    if (!usage) this.#usage.set(id, (usage = emptyUsage()));
    return usage;
  }
}

import { LRUCache } from 'lru-cache';
import type { KeyedAttempt } from '../../ports/ledger.ts';

/** A full answer as its client got it. */
export interface KeptAnswer {
  readonly requestId: string;
  readonly bodyFingerprint: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
}

export interface AnswerBounds {
  /** Of all answers together; 0: none is kept. */
  readonly bytes: number;
  /** How long a key is bound to its first answer. */
  readonly ttlMs: number;
}

const MOST_ANSWERS = 10_000;
/** Headers, hashes and the cache's own. */
const OVERHEAD_BYTES = 1024;

/** Answers in memory alone, since none may ever come into the database: the one used longest ago goes first. */
export class KeptAnswers {
  readonly #answers: LRUCache<string, KeptAnswer>;

  constructor({ bytes, ttlMs }: AnswerBounds) {
    this.#answers = new LRUCache({
      max: MOST_ANSWERS,
      maxSize: Math.max(1, bytes),
      sizeCalculation: (answer) => answer.bytes.length + OVERHEAD_BYTES,
      ttl: Math.max(1, ttlMs),
    });
  }

  get({ keyHash }: KeyedAttempt): KeptAnswer | undefined {
    return this.#answers.get(keyHash);
  }

  keep({ keyHash }: KeyedAttempt, answer: KeptAnswer): void {
    this.#answers.set(keyHash, answer);
  }
}

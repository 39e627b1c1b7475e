import { LRUCache } from 'lru-cache';

const FREE_FAILURES = 5;
const FIRST_WAIT_MS = 1_000;
const MOST_WAIT_MS = 5 * 60_000;
const FORGOTTEN_AFTER_MS = 60 * 60_000;
const MOST_ADDRESSES = 10_000;

interface Failures {
  count: number;
  lastMonoMs: number;
}

/** Wrong tokens from one address: five are free, each one after doubles the wait for the next try. */
export class LoginThrottle {
  readonly #monoMs: () => number;
  readonly #failures = new LRUCache<string, Failures>({ max: MOST_ADDRESSES });

  constructor(monoMs: () => number) {
    this.#monoMs = monoMs;
  }

  /** 0: it may try now. */
  waitMs(address: string): number {
    const failures = this.#recent(address);
    if (!failures || failures.count < FREE_FAILURES) return 0;
    const wait = Math.min(FIRST_WAIT_MS * 2 ** (failures.count - FREE_FAILURES), MOST_WAIT_MS);
    return Math.max(0, failures.lastMonoMs + wait - this.#monoMs());
  }

  failed(address: string): void {
    const count = (this.#recent(address)?.count ?? 0) + 1;
    this.#failures.set(address, { count, lastMonoMs: this.#monoMs() });
  }

  succeeded(address: string): void {
    this.#failures.delete(address);
  }

  #recent(address: string): Failures | undefined {
    const failures = this.#failures.get(address);
    return failures && this.#monoMs() - failures.lastMonoMs < FORGOTTEN_AFTER_MS ? failures : undefined;
  }
}

import type { Pace } from '../pace.ts';

/** Resolves when so many bytes may pass; rejects with `cancelled` when the signal comes first. */
export interface RateLimit {
  take(bytes: number, signal: AbortSignal | undefined): Promise<void>;
}

/** Lets bytes through at a rate, over all who share it: each waits until what came before it has been paid for. */
export class Throttle implements RateLimit {
  readonly #bytesPerMs: number;
  readonly #pace: Pace;
  readonly #nowMs: () => number;
  #paidUntilMs = 0;

  constructor(bytesPerSecond: number, pace: Pace, nowMs: () => number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#pace = pace;
    this.#nowMs = nowMs;
  }

  async take(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    const nowMs = this.#nowMs();
    const waitMs = Math.max(0, this.#paidUntilMs - nowMs);
    this.#paidUntilMs = nowMs + waitMs + bytes / this.#bytesPerMs;
    if (waitMs >= 1) await this.#pace.sleep(waitMs, signal);
  }
}

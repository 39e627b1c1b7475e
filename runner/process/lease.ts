/** Calls back once after a delay; the returned function takes the call back. Injected, so that tests own the time. */
export type After = (delayMs: number, callback: () => void) => () => void;

/** The real clock. The timer keeps the process alive: a lease that runs is a reason to stay. */
export const afterByTimer: After = (delayMs, callback) => {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
};

/**
 * How long a runner outlives its gateway. It runs from `start` (the gateway is gone) until `renew` (one is back) or
 * until it ran out, which is final: `onExpired` is called once.
 */
export class Lease {
  #durationMs: number;
  readonly #onExpired: () => void;
  readonly #after: After;
  #state: { kind: 'held' } | { kind: 'running'; takeBack: () => void } | { kind: 'expired' } = {
    kind: 'held',
  };

  constructor(durationMs: number, onExpired: () => void, after: After = afterByTimer) {
    this.#durationMs = durationMs;
    this.#onExpired = onExpired;
    this.#after = after;
  }

  get isRunning(): boolean {
    return this.#state.kind === 'running';
  }

  /** Idempotent: a second loss of the same gateway does not lengthen the lease. */
  start(): void {
    if (this.#state.kind !== 'held') return;
    // Set before the clock is asked: a clock may call back at once.
    this.#state = { kind: 'running', takeBack: () => {} };
    const takeBack = this.#after(this.#durationMs, () => {
      if (this.#state.kind !== 'running') return;
      this.#state = { kind: 'expired' };
      this.#onExpired();
    });
    if (this.#state.kind === 'running') this.#state = { kind: 'running', takeBack };
  }

  /** A gateway holds the runner again, and may set how long the next lease is. False when the lease had run out before. */
  renew(durationMs: number = this.#durationMs): boolean {
    if (this.#state.kind === 'expired') return false;
    this.#durationMs = durationMs;
    if (this.#state.kind === 'running') this.#state.takeBack();
    this.#state = { kind: 'held' };
    return true;
  }
}

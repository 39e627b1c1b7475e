/** What sets and clears timers: Node's, or those of a test. */
export interface Timers {
  set(ring: () => void, inMs: number): unknown;
  clear(timer: unknown): void;
}

/** Of Node; they keep no process alive. */
const NODE_TIMERS: Timers = {
  set: (ring, inMs) => setTimeout(ring, inMs).unref(),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** The longest that a timer of Node takes. */
const LONGEST_MS = 2 ** 31 - 1;

/** One timer that rings when a time has come, and that can be set anew at any moment. Times are those of `nowMs`. */
export class Alarm {
  readonly #nowMs: () => number;
  readonly #ring: () => void;
  readonly #timers: Timers;
  #atMs = Number.POSITIVE_INFINITY;
  #timer: unknown = null;
  #isStopped = false;

  constructor(nowMs: () => number, ring: () => void, timers: Timers = NODE_TIMERS) {
    this.#nowMs = nowMs;
    this.#ring = ring;
    this.#timers = timers;
  }

  /** Rings then and not when it was to ring before. Infinity: not at all. */
  set(atMs: number): void {
    if (this.#isStopped || atMs === this.#atMs) return;
    this.#atMs = atMs;
    this.#arm();
  }

  stop(): void {
    this.set(Number.POSITIVE_INFINITY);
    this.#isStopped = true;
  }

  #arm(): void {
    if (this.#timer !== null) this.#timers.clear(this.#timer);
    this.#timer = null;
    if (this.#atMs === Number.POSITIVE_INFINITY) return;
    const inMs = Math.min(Math.max(0, Math.ceil(this.#atMs - this.#nowMs())), LONGEST_MS);
    this.#timer = this.#timers.set(() => this.#rang(), inMs);
  }

  #rang(): void {
    this.#timer = null;
    // A timer counts whole milliseconds of a clock of its own, and may be early by one.
    if (this.#nowMs() < this.#atMs) return this.#arm();
    this.#atMs = Number.POSITIVE_INFINITY;
    this.#ring();
  }
}

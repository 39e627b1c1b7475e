/** Time as arguments for what must be deterministic. */
export interface Clock {
  /** Monotonic milliseconds; only differences mean something. */
  monoMs(): number;
  /** Milliseconds since the epoch; never subtracted to get a latency. */
  epochMs(): number;
}

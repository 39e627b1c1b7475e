/** What an operator sets for the pool. Times in milliseconds. */
export interface PoolSettings {
  /** Most runner processes with a base at one time, those that are ending included. */
  readonly maxRunners: number;
  /** Processes kept ready without a base, beside `maxRunners`. */
  readonly standbys: number;
  readonly maxCombosPerRunner: number;
  /** Host memory for weights, KV caches and compute buffers of all runners. */
  readonly memoryBytes: number;
  /** Device memory for runners, by device; one that is found and not named here has a share of what it has. */
  readonly deviceBytes: Readonly<Record<string, number>>;
  /** Most runners that sleep at one time, beside `maxRunners`. */
  readonly maxAsleep: number;
  /** Most waiting requests in all. */
  readonly queueLimit: number;
  readonly queueLimitPerCombo: number;
  /** Share of either limit that one tenant may take while others ask too, 0 to 1. */
  readonly queueShare: number;
  /** What a tenant's counter grows by (fairness.ts). */
  readonly fairWeights: {
    readonly inputToken: number;
    readonly outputToken: number;
    readonly startSecond: number;
  };
  /** Longest a spawn, a load or an attach may take, and a request may wait for room. */
  readonly startTimeoutMs: number;
  /** Longest from the spawn of a process until it takes orders, which no size of a model makes longer. */
  readonly spawnTimeoutMs: number;
  /** Threads that decode at one time, over all runners: ggml's threads spin, more than the cores stall all. */
  readonly cpuThreads: number;
  /** Who goes first when room is short (eviction.ts). */
  readonly eviction: 'gdsf' | 'lru' | 'size';
  /** For so long after it got ready nothing gives way to others. */
  readonly minResidencyMs: number;
  /** Share of a combo's sequences, 0 to 1, that one runner serves before the next one of the combo is used or started. */
  readonly targetOccupancy: number;
  /** A request has waited so long for a sequence: its combo is spread over one runner more, where that is worth it. */
  readonly scaleUpDelayMs: number;
  /** A combo leaves a runner more than it needs when nobody has used it there for so long. */
  readonly scaleDownAfterMs: number;
  readonly stableWindowMs: number;
  readonly panicWindowMs: number;
  /** Flex work does not take the place of what interactive requests have used within this time. */
  readonly flexSparesMs: number;
  /** Longest that a flex request may wait for room or a sequence, in place of `startTimeoutMs`. */
  readonly flexWaitMs: number;
  /** After this wait of an interactive request for a base no flex request gets a sequence of it. */
  readonly flexWatermarkMs: number;
  /** What becomes of a start when nobody waits for it any more. */
  readonly abandonedStarts: 'keep' | 'drop';
  /** How long a stopped runner may finish what runs. */
  readonly drainTimeoutMs: number;
  /** After this wait for room with no idle runner, a busy one takes no new work and is replaced when it is done. */
  readonly swapAfterMs: number;
  /** Least wait between starts of what failed twice in a row; doubled with each further failure. */
  readonly quarantineBaseMs: number;
  /** Longest such wait, and the one after a failure that no retry helps. */
  readonly quarantineCapMs: number;
}

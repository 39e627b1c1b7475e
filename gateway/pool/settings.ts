/** What an operator sets for the pool. Times in milliseconds. */
export interface PoolSettings {
  /** Most runner processes with a base at one time, those that are ending included. */
  readonly maxRunners: number;
  /** Processes kept ready without a base, beside `maxRunners`. */
  readonly standbys: number;
  readonly maxCombosPerRunner: number;
  /** Host memory for weights, KV caches and compute buffers of all runners. */
  readonly memoryBytes: number;
  /** The machine has a device: layers that are meant for one go there, else they stay on the host. */
  readonly hasDevice: boolean;
  /** Most waiting requests in all. */
  readonly queueLimit: number;
  readonly queueLimitPerCombo: number;
  /** Longest a spawn, a load or an attach may take, and a request may wait for room. */
  readonly startTimeoutMs: number;
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
  /** How long a stopped runner may finish what runs. */
  readonly drainTimeoutMs: number;
  /** After this wait for room with no idle runner, a busy one takes no new work and is replaced when it is done. */
  readonly swapAfterMs: number;
}

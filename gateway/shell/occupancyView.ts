import type { RunnerCounters } from '../../runner/protocol/control.ts';

export interface UsedOfPossible {
  readonly used: number;
  readonly possible: number;
}

/** How much of what a runner could do at a time it does, as the admin API shows it. What is left is headroom. */
export interface OccupancyView {
  /** Requests that run now, and those that may, over the combos that are ready. */
  readonly sequences: UsedOfPossible;
  /** Places of tokens in the KV caches of all its contexts, now. Nothing is possible on a runner that holds no combo. */
  readonly kv_cells: UsedOfPossible;
  /** Of a decode call, over all since the process began; null: there was none, or the runner does not tell. */
  readonly mean: {
    readonly batch_tokens: UsedOfPossible;
    /** Of the context that decodes: those that had a token in the call. */
    readonly sequences: UsedOfPossible;
    readonly kv_cells: UsedOfPossible;
  } | null;
}

/** `possibleSequences`: over the combos that are ready on the runner. */
export function occupancyView(counters: RunnerCounters, possibleSequences: number): OccupancyView {
  const { decodeCalls, activeSequences, usedKvCells, kvCells } = counters;
  const mean = (used: number, possible: number): UsedOfPossible => ({
    used: used / decodeCalls,
    possible: possible / decodeCalls,
  });
  // Each call had room for some token, so that none at all means that they were not counted.
  const isTold = decodeCalls > 0 && counters.possibleBatchTokens > 0;
  return {
    sequences: { used: activeSequences, possible: possibleSequences },
    kv_cells: { used: usedKvCells, possible: kvCells },
    mean: isTold
      ? {
          batch_tokens: mean(counters.batchTokens, counters.possibleBatchTokens),
          sequences: mean(counters.batchSequences, counters.possibleBatchSequences),
          kv_cells: mean(counters.kvCellSteps, counters.possibleKvCellSteps),
        }
      : null,
  };
}

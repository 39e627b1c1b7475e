import type { EngineCounters } from '../../native/addonTypes.ts';
import type { RunnerCounters } from '../protocol/control.ts';
import type { Engine } from './engine.ts';

/** The engine's counters and the process's resident memory, shared pages included. */
export function readCounters(engine: Engine): RunnerCounters {
  return { ...engine.counters(), residentBytes: process.memoryUsage.rss() };
}

/** What only grows goes on from `before`; the rest is as it is now. */
export function addCounters(before: EngineCounters | null, now: EngineCounters): EngineCounters {
  if (before === null) return now;
  return {
    ...now,
    requests: before.requests + now.requests,
    cancelledRequests: before.cancelledRequests + now.cancelledRequests,
    promptTokens: before.promptTokens + now.promptTokens,
    decodedTokens: before.decodedTokens + now.decodedTokens,
    maxTokensAfterCancel: Math.max(before.maxTokensAfterCancel, now.maxTokensAfterCancel),
    decodeCalls: before.decodeCalls + now.decodeCalls,
    batchTokens: before.batchTokens + now.batchTokens,
    possibleBatchTokens: before.possibleBatchTokens + now.possibleBatchTokens,
    batchSequences: before.batchSequences + now.batchSequences,
    possibleBatchSequences: before.possibleBatchSequences + now.possibleBatchSequences,
    kvCellSteps: before.kvCellSteps + now.kvCellSteps,
    possibleKvCellSteps: before.possibleKvCellSteps + now.possibleKvCellSteps,
    adapterSwitches: before.adapterSwitches + now.adapterSwitches,
    progress: before.progress + now.progress,
  };
}

import type { RunnerCounters } from '../protocol/control.ts';
import type { Engine } from './engine.ts';

/** The engine's counters and the process's resident memory, shared pages included. */
export function readCounters(engine: Engine): RunnerCounters {
  return { ...engine.counters(), residentBytes: process.memoryUsage.rss() };
}

import type { PoolEffect } from './effects.ts';
import { quarantinedFailure, quarantineOf } from './quarantine.ts';
import { rejectWaiting } from './queues.ts';
import { type PoolState, runnerOfBase } from './state.ts';

/** Answers those at once who wait for a start that may not begin yet. What is loaded goes on being served. */
export function refuseQuarantined(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  if (state.quarantines.size === 0) return;
  for (const { model, queues } of [...state.unplaced.values()]) {
    const needsBase = runnerOfBase(state, model) === undefined;
    for (const { combo } of [...queues]) {
      const quarantine = quarantineOf(state, combo, needsBase, nowMs);
      if (quarantine) rejectWaiting(state, combo.key, quarantinedFailure(combo, quarantine, nowMs), effects);
    }
  }
}

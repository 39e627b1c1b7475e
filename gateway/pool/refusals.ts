import type { PoolEffect } from './effects.ts';
import { quarantinedFailure, quarantineOf } from './quarantine.ts';
import { rejectWaiting } from './queues.ts';
import type { PoolState, Want } from './state.ts';
import { dropReplicas } from './upkeep.ts';

/**
 * Answers those at once who wait for a start that may not begin yet, and wants no such replica. What is loaded goes on
 * being served. `needsBase`: the base would have to be loaded for it.
 */
export function refuseQuarantined(
  state: PoolState,
  needsBase: (want: Want) => boolean,
  nowMs: number,
  effects: PoolEffect[],
): void {
  if (state.quarantines.size === 0) return;
  dropReplicas(state, ({ combo }) => quarantineOf(state, combo, true, nowMs) !== null);
  for (const want of [...state.unplaced.values()].flatMap(({ wants }) => [...wants])) {
    const { type, combo } = want;
    const quarantine = type === 'queue' ? quarantineOf(state, combo, needsBase(want), nowMs) : null;
    if (quarantine) rejectWaiting(state, combo.key, quarantinedFailure(combo, quarantine, nowMs), effects);
  }
}

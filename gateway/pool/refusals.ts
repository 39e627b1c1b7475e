import type { PoolEffect } from './effects.ts';
import { type Culprit, quarantinedFailure, quarantineOf } from './quarantine.ts';
import { rejectWaiting } from './queues.ts';
import { baseKey, type PoolState, type WaitQueue, type Want } from './state.ts';
import { dropReplicas } from './upkeep.ts';
import { isUnplaced } from './wants.ts';

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
  for (const { culprit, untilMs } of state.quarantines.values()) {
    if (untilMs <= nowMs) continue;
    for (const queue of barredQueues(state, culprit, needsBase)) {
      const { combo } = queue;
      const quarantine = quarantineOf(state, combo, needsBase(queue), nowMs);
      if (quarantine) rejectWaiting(state, combo.key, quarantinedFailure(combo, quarantine, nowMs), effects);
    }
  }
}

/** Whose start the culprit's quarantine forbids: by the culprit, so that an event costs nothing for all others. */
function barredQueues(
  state: PoolState,
  culprit: Culprit,
  needsBase: (want: Want) => boolean,
): readonly WaitQueue[] {
  if (culprit.scope === 'combo') {
    const queue = state.queues.get(culprit.combo.key);
    return queue && isUnplaced(state, queue) ? [queue] : [];
  }
  const queues = state.unplaced.bases.get(baseKey(culprit.model))?.queues.items ?? [];
  // One of them needs the base if all do.
  return queues[0] && needsBase(queues[0]) ? [...queues] : [];
}

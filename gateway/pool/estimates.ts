import type { Combo } from '../domain/combo.ts';
import { medianMs, SERVICE } from './durations.ts';
import type { Account } from './fairness.ts';
import { readyHolders } from './holders.ts';
import { measuredStartMs, remainingStartMs } from './startTimes.ts';
import type { PoolState } from './state.ts';
import type { Tier } from './terms.ts';

/** What a request that arrives now has in front of it, as far as it was measured; what was not counts for nothing. */
export interface WaitEstimate {
  readonly startMs: number;
  readonly queueMs: number;
}

export function estimateWait(
  state: PoolState,
  combo: Combo,
  account: Account,
  tier: Tier,
  nowMs: number,
): WaitEstimate {
  const startMs = remainingStartMs(state, combo, nowMs, (kind) => measuredStartMs(state, combo, kind) ?? 0);
  return { startMs, queueMs: turnsMs(state, combo, inFront(state, combo, account, tier)) };
}

/** How long until all who wait for the combo have got a sequence of it; 0 when that was never measured. */
export function queueMs(state: PoolState, combo: Combo): number {
  return turnsMs(state, combo, state.queues.get(combo.key)?.waiters.length ?? 0);
}

/** Sequences come free one after the other, each after the median time that a request of the combo runs. */
function turnsMs(state: PoolState, combo: Combo, before: number): number {
  const holders = readyHolders(state, combo);
  let sequences = holders.length === 0 ? combo.model.sequences : 0;
  let active = 0;
  for (const { slot } of holders) {
    sequences += slot.sequences;
    active += slot.active;
  }
  const free = sequences - active;
  const turns = Math.max(0, before + 1 - free);
  return (turns / sequences) * (medianMs(state.serviceTimes, SERVICE, combo.key) ?? 0);
}

/**
 * How many of those who wait for the combo are served before one that comes now: its own tenant's, and of every other one
 * as many, since they take turns. Flex work is behind all interactive requests, and interactive ones are before it.
 */
function inFront(state: PoolState, combo: Combo, account: Account, tier: Tier): number {
  const tenants = state.queues.get(combo.key)?.tenants;
  if (!tenants) return 0;
  let ahead = 0;
  if (tier === 'flex') for (const count of tenants.interactive.values()) ahead += count;
  const own = tenants[tier].get(account) ?? 0;
  for (const [other, count] of tenants[tier]) ahead += other === account ? own : Math.min(count, own + 1);
  return ahead;
}

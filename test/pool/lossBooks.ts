import { isCurrentCombo } from '../../gateway/pool/current.ts';
import type { PoolEffect } from '../../gateway/pool/effects.ts';
import type { PoolEvent } from '../../gateway/pool/events.ts';
import type { PoolState } from '../../gateway/pool/state.ts';

/** What one that lost its start by no fault of its own is not answered with. */
const OF_THE_START = new Set(['start_failed', 'start_timed_out', 'runner_failed', 'runner_died']);

/** Whom the event takes a start from that has not failed, and who has not lost too many before. */
export function losersOf({ runners, queues, catalogue }: PoolState, event: PoolEvent): ReadonlySet<string> {
  const losers = new Set<string>();
  const isLoss =
    event.type === 'runnerExited' || event.type === 'runnerFailed' || event.type === 'runnerHung';
  const runner = isLoss ? runners.get(event.runnerId) : undefined;
  const byOthers = event.type === 'runnerExited' && event.byOthers === true;
  if (!runner || (runner.state !== 'ready' && !byOthers)) return losers;
  for (const { combo, waiters } of queues.values()) {
    // Of what is not current there is no other start.
    if (!isCurrentCombo(combo, catalogue)) continue;
    for (const { id, start, promised, lostStarts } of waiters)
      if (start?.runnerId === runner.id && promised === null && lostStarts < 3) losers.add(id);
  }
  return losers;
}

/** One of them is answered with the end of that runner; null: all wait on, or are refused for something else. */
export function wrongLoss(losers: ReadonlySet<string>, effects: readonly PoolEffect[]): string | null {
  for (const effect of effects) {
    if (effect.type === 'reject' && losers.has(effect.requestId) && OF_THE_START.has(effect.failure.code))
      return `answers "${effect.requestId}", whose start was lost and has not failed`;
    if (effect.type !== 'answer' || effect.answer.ok || !losers.has(effect.orderId)) continue;
    if (OF_THE_START.has(effect.answer.error.code))
      return `answers "${effect.orderId}", whose start was lost`;
  }
  return null;
}

import type { Combo } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';
import { type Account, isContended } from './fairness.ts';
import { retryAfterMs } from './retryAfter.ts';
import type { PoolState } from './state.ts';
import { countOf } from './tenants.ts';

/**
 * Why one more request cannot wait; null: it can. A tenant that is alone may fill the queue. While another one asks too,
 * each may have a share of it, so that there is a place for who comes next.
 */
export function queueFullFailure(
  state: PoolState,
  combo: Combo,
  account: Account,
  nowMs: number,
): Failure | null {
  const { queueLimit, queueLimitPerCombo } = state.settings;
  const inCombo = state.queues.get(combo.key)?.waiters.length ?? 0;
  const message =
    overCombo(combo, inCombo, queueLimitPerCombo) ??
    overAll(state.waiting, queueLimit) ??
    overShare(state, combo, inCombo, account, nowMs);
  if (message === null) return null;
  return { code: 'queue_full', message, retryAfterMs: retryAfterMs(state, combo, nowMs) };
}

function overCombo({ name }: Combo, waiting: number, limit: number): string | null {
  if (waiting < limit) return null;
  return `Cannot queue request for "${name}": ${waiting} are waiting, expected at most ${limit}`;
}

function overAll(waiting: number, limit: number): string | null {
  return waiting < limit ? null : `Cannot queue request: ${waiting} are waiting, expected at most ${limit}`;
}

function overShare(
  state: PoolState,
  combo: Combo,
  inCombo: number,
  account: Account,
  nowMs: number,
): string | null {
  if (!isContended(state, nowMs)) return null;
  const { queueLimit, queueLimitPerCombo, queueShare } = state.settings;
  const ofAll = Math.max(1, Math.floor(queueLimit * queueShare));
  const ofCombo = Math.max(1, Math.floor(queueLimitPerCombo * queueShare));
  if (account.waiting >= ofAll)
    return `Cannot queue request: ${account.waiting} of this API key are waiting, expected at most ${ofAll} while others ask`;
  if (Math.min(inCombo, account.waiting) < ofCombo) return null;
  const queue = state.queues.get(combo.key);
  const own = queue ? countOf(queue.tenants, account) : 0;
  if (own < ofCombo) return null;
  return `Cannot queue request for "${combo.name}": ${own} of this API key are waiting, expected at most ${ofCombo} while others ask`;
}

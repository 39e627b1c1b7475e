import type { PoolEffect } from './effects.ts';
import { isIdle, type PoolState, type ReadyRunner, runnerOfBase } from './state.ts';
import { drainRunner, stopRunner } from './stops.ts';

/**
 * Makes room for bases that wait without a runner: an idle runner goes, the least recently used first. With none idle
 * and somebody waiting for longer than `swapAfterMs`, the least recently used busy one takes no new work.
 * Room that is on its way (runners that stop or drain) counts.
 */
export function makeRoom(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  const { missing, oldestMs } = missingBases(state);
  let coming = Math.max(0, state.settings.maxRunners - state.runners.size);
  for (const runner of state.runners.values()) {
    if (runner.state === 'stopping' || runner.state === 'draining') coming += 1;
  }
  for (; coming < missing; coming += 1) {
    const victim = leastRecentlyUsed(state, isIdleAndUnwanted);
    if (victim) {
      stopRunner(state, victim, 'evicted', nowMs, effects);
      continue;
    }
    const busy =
      nowMs - oldestMs >= state.settings.swapAfterMs ? leastRecentlyUsed(state, () => true) : undefined;
    if (!busy) return;
    drainRunner(state, busy, 'replaced', nowMs, effects);
  }
}

function missingBases(state: PoolState): { missing: number; oldestMs: number } {
  const missing = new Set<string>();
  let oldestMs = Number.POSITIVE_INFINITY;
  for (const { combo, waiters } of state.queues.values()) {
    if (runnerOfBase(state, combo.model)) continue;
    missing.add(`${combo.model.id}#${combo.model.revision}`);
    oldestMs = Math.min(oldestMs, waiters[0]?.arrivedMs ?? oldestMs);
  }
  return { missing: missing.size, oldestMs };
}

function isIdleAndUnwanted(state: PoolState, runner: ReadyRunner): boolean {
  if (!isIdle(runner)) return false;
  for (const { combo } of state.queues.values()) if (combo.model.id === runner.model.id) return false;
  return true;
}

function leastRecentlyUsed(
  state: PoolState,
  eligible: (state: PoolState, runner: ReadyRunner) => boolean,
): ReadyRunner | undefined {
  let oldest: ReadyRunner | undefined;
  for (const runner of state.runners.values()) {
    if (runner.state !== 'ready' || !eligible(state, runner)) continue;
    if (!oldest || runner.lastUsedMs < oldest.lastUsedMs) oldest = runner;
  }
  return oldest;
}

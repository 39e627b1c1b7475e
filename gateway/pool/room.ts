import type { PoolEffect } from './effects.ts';
import { baseKey, isIdle, type PoolState, type ReadyRunner, type ReadySlot, type Runner } from './state.ts';
import { detach, stopRunner } from './stops.ts';

/**
 * Room for `missing` more runners: idle ones go that nobody waits for, the least recently used first. Room that is on
 * its way (runners that stop) counts.
 */
export function makeRunnerRoom(
  state: PoolState,
  missing: number,
  nowMs: number,
  effects: PoolEffect[],
): void {
  if (missing <= 0) return;
  let coming = 0;
  for (const runner of state.runners.values())
    if (runner.model !== null && runner.state === 'stopping') coming += 1;
  for (; coming < missing; coming += 1) {
    const victim = leastRecentlyUsedIdle(state);
    if (!victim) return;
    stopRunner(state, victim, 'evicted', nowMs, effects);
  }
}

function leastRecentlyUsedIdle(state: PoolState): ReadyRunner | undefined {
  let oldest: ReadyRunner | undefined;
  for (const runner of state.runners.values()) {
    if (runner.state !== 'ready' || !isIdle(runner) || isWaitedFor(state, runner)) continue;
    if (!oldest || runner.lastUsedMs < oldest.lastUsedMs) oldest = runner;
  }
  return oldest;
}

/** Somebody waits for a combo of its base, which it will take on in a moment. */
function isWaitedFor(state: PoolState, runner: ReadyRunner): boolean {
  if (state.unplaced.has(baseKey(runner.model))) return true;
  for (const key of runner.combos.keys()) if (state.queues.has(key)) return true;
  return false;
}

/** Room for `wanted` more combos on a full runner: idle ones go, the least recently used first. */
export function makeComboRoom(runner: Runner, wanted: number, nowMs: number, effects: PoolEffect[]): void {
  let coming = 0;
  for (const slot of runner.combos.values()) if (slot.state === 'detaching') coming += 1;
  for (; coming < wanted; coming += 1) {
    const victim = leastRecentlyUsedIdleCombo(runner);
    if (!victim) return;
    detach(runner, victim, nowMs, effects);
  }
}

function leastRecentlyUsedIdleCombo(runner: Runner): ReadySlot | undefined {
  let oldest: ReadySlot | undefined;
  for (const slot of runner.combos.values()) {
    if (slot.state !== 'ready' || slot.active > 0) continue;
    if (!oldest || slot.lastUsedMs < oldest.lastUsedMs) oldest = slot;
  }
  return oldest;
}

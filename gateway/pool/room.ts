import type { PoolEffect } from './effects.ts';
import { inOrderOfLeaving } from './eviction.ts';
import { baseCandidate, comboCandidate, evictBase, evictCombo } from './evictions.ts';
import { holdsKept, isKept } from './keeps.ts';
import type { ReadySlot } from './slots.ts';
import { isIdle, type PoolState, type ReadyRunner } from './state.ts';
import type { Tier } from './terms.ts';
import { mayGiveWay, tierOf } from './tiers.ts';
import { runnersLeaving } from './usable.ts';
import { longestWaitMs } from './wants.ts';

/**
 * Room for `missing` more runners: idle ones go that nobody waits for, in the order of the eviction policy. Room that
 * is on its way (runners that stop) counts.
 */
export function makeRunnerRoom(
  state: PoolState,
  missing: number,
  to: Tier,
  nowMs: number,
  effects: PoolEffect[],
): void {
  if (missing <= 0) return;
  const needed = missing - runnersLeaving(state);
  if (needed <= 0) return;
  const idle: ReadyRunner[] = [];
  for (const runner of state.runners.values())
    if (runner.state === 'ready' && isSpare(state, runner, to, nowMs)) idle.push(runner);
  let left = needed;
  for (const victim of inOrderOfLeaving(state, idle, (runner) => baseCandidate(state, runner))) {
    evictBase(state, victim, true, nowMs, effects);
    left -= 1;
    if (left === 0) return;
  }
}

function isSpare(state: PoolState, runner: ReadyRunner, to: Tier, nowMs: number): boolean {
  if (!isIdle(runner) || holdsKept(state, runner)) return false;
  return mayGiveWay(state, runner, to, nowMs) && !isWaitedFor(state, runner, to);
}

/** Somebody waits for a combo of its base, which it will take on in a moment; flex work keeps nothing from others. */
function isWaitedFor(state: PoolState, runner: ReadyRunner, to: Tier): boolean {
  const lineMs = longestWaitMs(state, runner);
  return to === 'interactive' ? tierOf(lineMs) === 'interactive' : lineMs < Number.POSITIVE_INFINITY;
}

/** Room for `wanted` more combos on a full runner: idle ones go, in the order of the eviction policy. */
export function makeComboRoom(
  state: PoolState,
  runner: ReadyRunner,
  wanted: number,
  to: Tier,
  nowMs: number,
  effects: PoolEffect[],
): void {
  let needed = wanted;
  const idle: ReadySlot[] = [];
  for (const slot of runner.combos.values()) {
    if (slot.state === 'detaching') needed -= 1;
    else if (slot.state === 'ready' && slot.active === 0 && mayGiveWay(state, slot, to, nowMs))
      if (!isKept(state, runner, slot.combo.key)) idle.push(slot);
  }
  if (needed <= 0 || idle.length === 0) return;
  for (const slot of inOrderOfLeaving(state, idle, comboCandidate)) {
    evictCombo(state, runner, slot, nowMs, effects);
    needed -= 1;
    if (needed === 0) return;
  }
}

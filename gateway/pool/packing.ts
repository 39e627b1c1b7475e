import { isCovered } from './bytes.ts';
import type { PoolEffect } from './effects.ts';
import { isKept } from './keeps.ts';
import { comboNeed, missingBytes } from './memory.ts';
import { makeMemoryRoom } from './memoryRoom.ts';
import { keptRunners, mayStayOn } from './plans.ts';
import { makeComboRoom } from './room.ts';
import { startOnRunner } from './starts.ts';
import type { PoolState, ReadyRunner, Want } from './state.ts';
import type { Tier } from './terms.ts';
import { tierOf } from './tiers.ts';
import { runnersOfBase } from './usable.ts';
import { firstWant, headMs, wantedMs } from './wants.ts';

/**
 * While somebody waits for room, what is kept on more runners of a base than it needs is started on the older ones of
 * them, too. When it is ready there the newest is kept no longer, and gives way.
 */
export function pack(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  if (state.keeps.size === 0) return;
  const want = lateWant(state, nowMs);
  if (!want) return;
  const seen = new Set<string>();
  for (const { combo } of state.keeps.values()) {
    if (seen.has(combo.model.id)) continue;
    seen.add(combo.model.id);
    const runners = runnersOfBase(state, combo.model).filter((runner) => runner.state === 'ready');
    const newest = runners.at(-1);
    if (newest && runners.length > keptRunners(state, combo.model))
      moveKept(state, newest, runners.slice(0, -1), tierOf(headMs(want)), nowMs, effects);
  }
}

/** The first in line, when it has waited for its turn: flex work, too, which stands far behind. */
function lateWant(state: PoolState, nowMs: number): Want | undefined {
  const [first] = state.unplaced.line.items;
  const want = first && firstWant(first);
  return want && nowMs - wantedMs(want) >= state.settings.swapAfterMs ? want : undefined;
}

function moveKept(
  state: PoolState,
  from: ReadyRunner,
  others: readonly ReadyRunner[],
  to: Tier,
  nowMs: number,
  effects: PoolEffect[],
): void {
  for (const [key, { combo }] of from.combos) {
    if (!isKept(state, from, key) || others.some(({ combos }) => combos.get(key)?.state === 'attaching'))
      continue;
    const free = others.filter((one) => !one.combos.has(key) && mayStayOn(state, combo, one));
    const other = free.find(({ combos }) => combos.size < state.settings.maxCombosPerRunner);
    if (!other) {
      if (free[0]) makeComboRoom(state, free[0], 1, to, nowMs, effects);
      continue;
    }
    const missing = missingBytes(state, comboNeed(state, combo, other.device, other), other.device);
    if (!isCovered(missing)) makeMemoryRoom(state, missing, other.device, null, nowMs, effects);
    else startOnRunner(state, other, { type: 'replica', combo, sinceMs: nowMs }, nowMs, effects);
  }
}

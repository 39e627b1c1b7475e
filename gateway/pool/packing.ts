import { isCovered } from './bytes.ts';
import type { PoolEffect } from './effects.ts';
import { isKept } from './keeps.ts';
import { firstMs } from './line.ts';
import { comboNeed, missingBytes } from './memory.ts';
import { makeMemoryRoom } from './memoryRoom.ts';
import { keptRunners } from './plans.ts';
import { makeComboRoom } from './room.ts';
import { startOnRunner } from './starts.ts';
import { type PoolState, type ReadyRunner } from './state.ts';
import { runnersOfBase } from './usable.ts';

/**
 * While somebody waits for room, what is kept on more runners of a base than it needs is started on the older ones of
 * them, too. When it is ready there the newest is kept no longer, and gives way.
 */
export function pack(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  if (state.keeps.size === 0 || !isRoomMissing(state, nowMs)) return;
  const seen = new Set<string>();
  for (const { combo } of state.keeps.values()) {
    if (seen.has(combo.model.id)) continue;
    seen.add(combo.model.id);
    const runners = runnersOfBase(state, combo.model).filter((runner) => runner.state === 'ready');
    const newest = runners.at(-1);
    if (newest && runners.length > keptRunners(state, combo.model))
      moveKept(state, newest, runners.slice(0, -1), nowMs, effects);
  }
}

function isRoomMissing(state: PoolState, nowMs: number): boolean {
  return nowMs - firstMs(state.unplaced.line) >= state.settings.swapAfterMs;
}

function moveKept(
  state: PoolState,
  from: ReadyRunner,
  others: readonly ReadyRunner[],
  nowMs: number,
  effects: PoolEffect[],
): void {
  for (const [key, { combo }] of from.combos) {
    if (!isKept(state, from, key) || others.some(({ combos }) => combos.get(key)?.state === 'attaching'))
      continue;
    const free = others.filter(({ combos }) => !combos.has(key));
    const to = free.find(({ combos }) => combos.size < state.settings.maxCombosPerRunner);
    if (!to) {
      if (free[0]) makeComboRoom(state, free[0], 1, 'interactive', nowMs, effects);
      continue;
    }
    const missing = missingBytes(state, comboNeed(state, combo, to.device, to), to.device);
    if (!isCovered(missing)) makeMemoryRoom(state, missing, to.device, null, nowMs, effects);
    else startOnRunner(state, to, { type: 'replica', combo, sinceMs: nowMs }, nowMs, effects);
  }
}

import type { ComboKey } from '../domain/ids.ts';
import { isCovered } from './bytes.ts';
import { runnersFor } from './candidates.ts';
import type { PoolEffect } from './effects.ts';
import { readyHolders } from './holders.ts';
import { comboNeed, missingBytes } from './memory.ts';
import { mayStayOn } from './plans.ts';
import { isPromised } from './promises.ts';
import { startOnRunner } from './starts.ts';
import type { PoolState, ReadyRunner, ReplicaWant } from './state.ts';
import { detach } from './stops.ts';
import { runnersOfBase } from './usable.ts';

/**
 * A combo that is kept on several runners may lack one although there are places enough for all that is kept: those that it
 * is not on yet are full of others, and the place that is left is where it is already. Then one of those others is started on
 * the runner with that place, and lets go of its own when it is ready there.
 */
export function exchange(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  for (const want of state.replicas.values()) {
    const runners = runnersOfBase(state, want.combo.model);
    if (runners.length < 2 || runnersFor(state, runners, want).length > 0) continue;
    const ready = runners.filter((runner) => runner.state === 'ready');
    const full = ready.filter(({ combos }) => !combos.has(want.combo.key));
    if (!full.some((from) => leaveOne(state, from, nowMs, effects)))
      moveOne(state, want, ready, nowMs, effects);
  }
}

/** Lets go of what is kept on enough others. True when a place is on its way. */
function leaveOne(state: PoolState, from: ReadyRunner, nowMs: number, effects: PoolEffect[]): boolean {
  for (const [key, slot] of from.combos) {
    if (slot.state === 'detaching') return true;
    if (slot.state !== 'ready' || slot.active > 0 || isPromised(state, key, from.id)) continue;
    if (readyHolders(state, slot.combo).length <= keptCount(state, key)) continue;
    detach(from, slot, nowMs, effects);
    return true;
  }
  return false;
}

function keptCount(state: PoolState, key: ComboKey): number {
  return state.keeps.get(key)?.count ?? 0;
}

/** Starts one of what fills a runner that lacks the combo on one that has it and a place. */
function moveOne(
  state: PoolState,
  { combo: wanted }: ReplicaWant,
  ready: readonly ReadyRunner[],
  nowMs: number,
  effects: PoolEffect[],
): void {
  const { maxCombosPerRunner } = state.settings;
  const isFree = ({ combos }: ReadyRunner): boolean =>
    combos.has(wanted.key) && combos.size < maxCombosPerRunner;
  for (const to of ready.filter(isFree)) {
    for (const from of ready) {
      if (from.combos.has(wanted.key)) continue;
      for (const { state: name, combo } of from.combos.values()) {
        if (name !== 'ready' || to.combos.has(combo.key) || !mayStayOn(state, combo, to)) continue;
        if (!isCovered(missingBytes(state, comboNeed(state, combo, to.device, to), to.device))) continue;
        return startOnRunner(state, to, { type: 'replica', combo, sinceMs: nowMs }, nowMs, effects);
      }
    }
  }
}

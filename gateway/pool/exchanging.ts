import type { Combo } from '../domain/combo.ts';
import type { ComboKey } from '../domain/ids.ts';
import { isCovered, minus } from './bytes.ts';
import { runnersFor } from './candidates.ts';
import type { PoolEffect } from './effects.ts';
import { capacityFailure, mayGetRoom } from './fit.ts';
import { readyHolders } from './holders.ts';
import { isKept } from './keeps.ts';
import { comboNeed, comingBytes, missingBytes } from './memory.ts';
import { findVictims } from './memoryRoom.ts';
import { blockedByMemory } from './placing.ts';
import { mayStayOn } from './plans.ts';
import { isPromised } from './promises.ts';
import { rejectWaiting } from './queues.ts';
import { startOnRunner } from './starts.ts';
import { baseKey, type PoolState, type ReadyRunner, type ReplicaWant } from './state.ts';
import { detach } from './stops.ts';
import { runnersOfBase } from './usable.ts';
import { wantedMs } from './wants.ts';

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

/**
 * What is kept may lie so that one device is full of it, and somebody waits who would have room if some of it lay on another:
 * it is started there, and lets go of its own when it is ready. Whom nothing of that helps is refused: no end of a
 * request brings room.
 */
export function exchangeForMemory(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  if (state.devices.size === 0 || state.keeps.size === 0) return;
  const blocked = blockedByMemory(state, nowMs);
  if (!blocked?.device || nowMs - wantedMs(blocked.want) < state.settings.swapAfterMs) return;
  const { want, device, missing } = blocked;
  const left = minus(missing, comingBytes(state, device));
  if (isCovered(left) || findVictims(state, left, device, blocked, nowMs)) return;
  const ready = [...state.runners.values()].filter((runner) => runner.state === 'ready');
  const here = ready.filter((runner) => runner.device === device);
  if (here.some((from) => leaveOne(state, from, nowMs, effects))) return;
  const others = ready.filter((runner) => runner.device !== device);
  if (here.some((from) => moveAway(state, from, others, nowMs, effects))) return;
  if (want.type === 'queue' && !mayGetRoom(state, want.combo))
    rejectWaiting(state, want.combo.key, capacityFailure(state, want.combo), effects);
}

/** Starts one of what is kept on the runner on another of its base. True when one is on its way. */
function moveAway(
  state: PoolState,
  from: ReadyRunner,
  others: readonly ReadyRunner[],
  nowMs: number,
  effects: PoolEffect[],
): boolean {
  const ofBase = others.filter(({ model }) => baseKey(model) === baseKey(from.model));
  for (const [key, { combo, state: name }] of from.combos) {
    if (name !== 'ready' || !isKept(state, from, key)) continue;
    if (ofBase.some(({ combos }) => combos.get(key)?.state === 'attaching')) return true;
    const to = ofBase.find((one) => mayTake(state, combo, one));
    if (!to) continue;
    startOnRunner(state, to, { type: 'replica', combo, sinceMs: nowMs }, nowMs, effects);
    return true;
  }
  return false;
}

/** It has a place and the memory for it, and nothing else that is kept lacks either then. */
function mayTake(state: PoolState, combo: Combo, runner: ReadyRunner): boolean {
  const { combos, device } = runner;
  if (combos.has(combo.key) || combos.size >= state.settings.maxCombosPerRunner) return false;
  if (!mayStayOn(state, combo, runner)) return false;
  return isCovered(missingBytes(state, comboNeed(state, combo, device, runner), device));
}

/** Lets go of what is kept on enough others. True when a place is on its way. */
function leaveOne(state: PoolState, from: ReadyRunner, nowMs: number, effects: PoolEffect[]): boolean {
  for (const [key, slot] of from.combos) {
    if (slot.state === 'detaching') return true;
    if (slot.state !== 'ready' || slot.active > 0 || isPromised(state, key, from.id)) continue;
    if (readyHolders(state, key).length <= keptCount(state, key)) continue;
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
  for (const to of ready.filter(({ combos }) => combos.has(wanted.key))) {
    for (const from of ready) {
      if (from.combos.has(wanted.key)) continue;
      for (const { state: name, combo } of from.combos.values()) {
        // One is on its way: one place is all that is missing.
        if (to.combos.get(combo.key)?.state === 'attaching') return;
        if (name !== 'ready' || !mayTake(state, combo, to)) continue;
        return startOnRunner(state, to, { type: 'replica', combo, sinceMs: nowMs }, nowMs, effects);
      }
    }
  }
}

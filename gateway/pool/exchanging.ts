import type { Combo } from '../domain/combo.ts';
import type { ComboKey, DeviceName } from '../domain/ids.ts';
import { isCovered, minus } from './bytes.ts';
import { hasMemory, runnersFor } from './candidates.ts';
import type { PoolEffect } from './effects.ts';
import { capacityFailure, mayGetRoom } from './fit.ts';
import { holdersOf, readyHolders } from './holders.ts';
import { isKept } from './keeps.ts';
import { comingBytes } from './memory.ts';
import { findVictims, makeMemoryRoom } from './memoryRoom.ts';
import { blockedByMemory } from './placing.ts';
import { mayStayOn } from './plans.ts';
import { isPromised } from './promises.ts';
import { quarantineOf } from './quarantine.ts';
import { rejectWaiting } from './queues.ts';
import { makeRunnerRoom } from './room.ts';
import { sourcesOf, usedBy } from './sources.ts';
import { startOnRunner, startRunner } from './starts.ts';
import { baseKey, type PoolState, type ReadyRunner, type ReplicaWant, type Want } from './state.ts';
import { detach } from './stops.ts';
import { tierOf } from './tiers.ts';
import { runnersOfBase, runnersWithBase } from './usable.ts';
import { headMs, wantedMs } from './wants.ts';

/**
 * What is kept may lie so that something has no room that would have it otherwise: then it is moved. `begins`: false, nothing
 * new is begun.
 */
export function exchangeKept(state: PoolState, begins: boolean, nowMs: number, effects: PoolEffect[]): void {
  if (state.keeps.size === 0) return;
  exchangeForPlaces(state, begins, nowMs, effects);
  exchangeForMemory(state, begins, nowMs, effects);
}

/**
 * A combo that is kept on several runners may lack one although there are places enough for all that is kept: those that it
 * is not on yet are full of others, and the place that is left is where it is already. Then one of those others is started on
 * the runner with that place, and lets go of its own when it is ready there.
 */
function exchangeForPlaces(state: PoolState, begins: boolean, nowMs: number, effects: PoolEffect[]): void {
  for (const want of state.replicas.values()) {
    const runners = runnersOfBase(state, want.combo.model);
    if (runners.length < 2 || runnersFor(state, runners, want).length > 0) continue;
    const ready = runners.filter((runner) => runner.state === 'ready');
    const full = ready.filter(({ combos }) => !combos.has(want.combo.key));
    const isComing = full.some((from) => leaveOne(state, from, nowMs, effects));
    if (!isComing && begins) moveOne(state, want, ready, nowMs, effects);
  }
}

/**
 * What is kept may lie so that one device is full of it, and somebody waits who would have room if some of it lay on another:
 * it is started there, and lets go of its own when it is ready; or who waits is started there. Whom nothing of that helps is refused: no end of a
 * request brings room.
 */
function exchangeForMemory(state: PoolState, begins: boolean, nowMs: number, effects: PoolEffect[]): void {
  if (state.devices.size === 0) return;
  const blocked = blockedByMemory(state, nowMs);
  if (!blocked?.device || nowMs - wantedMs(blocked.want) < state.settings.swapAfterMs) return;
  const { want, device, missing } = blocked;
  const left = minus(missing, comingBytes(state, device, blocked));
  if (isCovered(left) || findVictims(state, left, device, blocked, nowMs)) return;
  const ready = [...state.runners.values()].filter((runner) => runner.state === 'ready');
  const here = ready.filter((runner) => runner.device === device);
  const others = ready.filter((runner) => runner.device !== device);
  const kept = here.flatMap((runner) => keptOn(state, runner));
  if (here.some((from) => leaveOne(state, from, nowMs, effects)) || !begins) return;
  const isComing =
    kept.some((combo) => isMoving(state, combo, device)) ||
    startElsewhere(state, want, device, nowMs, effects);
  // What is busy and not kept ends.
  if (isComing || mayGetRoom(state, want.combo)) return;
  const hasMoved =
    kept.some((combo) => moveTo(state, combo, others, nowMs, effects)) ||
    kept.some((combo) => {
      const replica = { type: 'replica', combo, sinceMs: nowMs } as const;
      return startElsewhere(state, replica, device, nowMs, effects);
    });
  if (!hasMoved && want.type === 'queue')
    rejectWaiting(state, want.combo.key, capacityFailure(state, want.combo), effects);
}

function keptOn(state: PoolState, runner: ReadyRunner): Combo[] {
  const combos: Combo[] = [];
  for (const [key, { combo, state: name }] of runner.combos)
    if (name === 'ready' && isKept(state, runner, key)) combos.push(combo);
  return combos;
}

/** It is being started on another device. */
function isMoving(state: PoolState, combo: Combo, device: DeviceName): boolean {
  return holdersOf(state, combo).some(
    ({ runner, slot }) => runner.device !== device && (slot.state === 'wanted' || slot.state === 'attaching'),
  );
}

/** Starts it on one of these that is of its base. True when it does. */
function moveTo(
  state: PoolState,
  combo: Combo,
  others: readonly ReadyRunner[],
  nowMs: number,
  effects: PoolEffect[],
): boolean {
  const key = baseKey(combo.model);
  const to = others.find((one) => baseKey(one.model) === key && mayTake(state, combo, one));
  if (to) startOnRunner(state, to, { type: 'replica', combo, sinceMs: nowMs }, nowMs, effects);
  return to !== undefined;
}

/** Loads its base on another device, or makes room for that. True when it does either. */
function startElsewhere(
  state: PoolState,
  want: Want,
  device: DeviceName,
  nowMs: number,
  effects: PoolEffect[],
): boolean {
  const { combo } = want;
  if (quarantineOf(state, combo, true, nowMs)) return false;
  const places = state.settings.maxRunners - runnersWithBase(state);
  for (const source of sourcesOf(state, combo)) {
    if (source.device === device || !mayStayOn(state, combo, { model: combo.model, device: source.device }))
      continue;
    if (isCovered(source.missing) && places > 0) {
      startRunner(state, want, source, nowMs, effects);
      return true;
    }
    const claim = { want, runner: usedBy(state, source) };
    const missing = minus(source.missing, comingBytes(state, source.device, claim));
    if (!findVictims(state, missing, source.device, claim, nowMs)) continue;
    const before = effects.length;
    makeMemoryRoom(state, source.missing, source.device, claim, nowMs, effects);
    makeRunnerRoom(state, 1 - places, tierOf(headMs(want)), nowMs, effects);
    if (effects.length > before) return true;
  }
  return false;
}

/** It has a place and the memory for it, and nothing else that is kept lacks either then. */
function mayTake(state: PoolState, combo: Combo, runner: ReadyRunner): boolean {
  const { combos } = runner;
  if (combos.has(combo.key) || combos.size >= state.settings.maxCombosPerRunner) return false;
  if (!mayStayOn(state, combo, runner)) return false;
  return hasMemory(state, runner, combo);
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

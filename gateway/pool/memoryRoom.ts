import type { DeviceName } from '../domain/ids.ts';
import { type Bytes, isCovered, minus } from './bytes.ts';
import type { PoolEffect } from './effects.ts';
import { inOrderOfLeaving } from './eviction.ts';
import { baseCandidate, comboCandidate, evictBase, evictCombo } from './evictions.ts';
import { holdsKept, isKept } from './keeps.ts';
import { asleepBytes, comingBytes, gainBytes } from './memory.ts';
import { holdsPromise, isPromised } from './promises.ts';
import { hasHostRoom, maySleep, sleeperCandidate, sleepersOf } from './sleep.ts';
import { allSlotBytes, type ReadySlot } from './slots.ts';
import { isUnclaimed } from './standbys.ts';
import { isIdle, type PoolState, type ReadyRunner, type Runner, type Want } from './state.ts';
import { stopRunner } from './stops.ts';
import type { Tier } from './terms.ts';
import { mayGiveWay, tierOf } from './tiers.ts';
import { headMs, longestWaitMs } from './wants.ts';

/** For whom memory is made: it goes before all that arrived later. */
export interface MemoryClaim {
  readonly want: Want;
  /** The one that is to have the combo, which stays. */
  readonly runner: Runner | undefined;
}

interface IdleCombo {
  readonly runner: ReadyRunner;
  readonly slot: ReadySlot;
}

interface LeavingBase {
  readonly runner: ReadyRunner;
  readonly sleeps: boolean;
}

/** What is let go together. */
export interface Victims {
  /** Of standbys and of what sleeps. */
  readonly processes: readonly Runner[];
  readonly combos: readonly IdleCombo[];
  readonly bases: readonly LeavingBase[];
}

const NOBODY: Victims = { processes: [], combos: [], bases: [] };

/**
 * Makes room for what is missing out of what is idle, or none when that would not do. Processes that hold no base go
 * before an idle combo, and that before a base, which sleeps where it may. Memory that comes free by itself counts. A claim
 * of null: nobody waits, the runners hold more than was predicted.
 */
export function makeMemoryRoom(
  state: PoolState,
  missing: Bytes,
  device: DeviceName | null,
  claim: MemoryClaim | null,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const victims = findVictims(state, minus(missing, comingBytes(state, device)), device, claim, nowMs);
  if (!victims) return;
  for (const runner of victims.processes) stopRunner(state, runner, 'evicted', nowMs, effects);
  for (const { runner, slot } of victims.combos) evictCombo(state, runner, slot, nowMs, effects);
  for (const { runner, sleeps } of victims.bases) evictBase(state, runner, sleeps, nowMs, effects);
}

/** null: all that is idle together is not enough. Has no side effects. */
export function findVictims(
  state: PoolState,
  missing: Bytes,
  device: DeviceName | null,
  claim: MemoryClaim | null,
  nowMs: number,
): Victims | null {
  if (isCovered(missing)) return NOBODY;
  const idle = {
    processes: idleProcesses(state, device, claim),
    combos: idleCombos(state, tierOfClaim(claim), nowMs),
    bases: idleBases(state, claim, nowMs),
  };
  const victims = chooseVictims(state, idle, missing, device, true);
  if (victims || state.settings.maxAsleep === 0) return victims;
  // What sleeps keeps something, which may be what is missing.
  return chooseVictims(state, idle, missing, device, false);
}

interface Idle {
  readonly processes: readonly Runner[];
  readonly combos: readonly IdleCombo[];
  readonly bases: readonly ReadyRunner[];
}

/** As many of the first as are needed; bases, which are the most to lose, one after the other when all else is not enough. */
function chooseVictims(
  state: PoolState,
  { processes, combos, bases }: Idle,
  missing: Bytes,
  device: DeviceName | null,
  maySleepNow: boolean,
): Victims | null {
  const leaving: LeavingBase[] = [];
  let left = missing;
  for (let next = 0; ; next += 1) {
    const few = enoughOf(state, processes, combos, left, device, leaving);
    if (few) return { ...few, bases: leaving };
    const runner = bases[next];
    if (!runner) return null;
    const one = { runner, sleeps: maySleepNow && sleepsFor(state, runner, left, device) };
    const gain = gainOf(state, one, device);
    if (!helps(gain, left)) continue;
    leaving.push(one);
    left = minus(left, gain);
  }
}

/** The first of those that help, on runners that stay. null: they are not enough. */
function enoughOf(
  state: PoolState,
  processes: readonly Runner[],
  combos: readonly IdleCombo[],
  missing: Bytes,
  device: DeviceName | null,
  leaving: readonly LeavingBase[],
): Omit<Victims, 'bases'> | null {
  const few = { processes: [] as Runner[], combos: [] as IdleCombo[] };
  let left = missing;
  for (const runner of processes) {
    if (isCovered(left)) return few;
    const gain = on(device, runner, gainBytes(state, runner));
    if (!helps(gain, left)) continue;
    few.processes.push(runner);
    left = minus(left, gain);
  }
  for (const one of combos) {
    if (isCovered(left)) return few;
    if (leaving.some(({ runner }) => runner === one.runner)) continue;
    const gain = on(device, one.runner, allSlotBytes(one.slot));
    if (!helps(gain, left)) continue;
    few.combos.push(one);
    left = minus(left, gain);
  }
  return isCovered(left) ? few : null;
}

/** It gives something of what is missing. */
function helps(gain: Bytes, missing: Bytes): boolean {
  return (missing.host > 0 && gain.host > 0) || (missing.device > 0 && gain.device > 0);
}

/** What is on another device is no room. */
function on(device: DeviceName | null, runner: Runner, bytes: Bytes): Bytes {
  return device !== null && runner.device === device ? bytes : { host: bytes.host, device: 0 };
}

function gainOf(state: PoolState, { runner, sleeps }: LeavingBase, device: DeviceName | null): Bytes {
  const all = gainBytes(state, runner);
  return on(device, runner, sleeps ? minus(all, asleepBytes(state, runner)) : all);
}

/** It may sleep, and what it keeps then is not what is missing. */
function sleepsFor(
  state: PoolState,
  runner: ReadyRunner,
  missing: Bytes,
  device: DeviceName | null,
): boolean {
  if (!maySleep(state, runner) || !hasHostRoom(state, runner)) return false;
  const { host } = gainOf(state, { runner, sleeps: true }, device);
  return host >= 0 || missing.host - host <= 0;
}

/** Standbys but for the one that is used, and what sleeps: those that are worth the least first. */
function idleProcesses(state: PoolState, device: DeviceName | null, claim: MemoryClaim | null): Runner[] {
  if (state.devices.size === 0 && state.settings.maxAsleep === 0) return [];
  const processes: Runner[] = [];
  for (const runner of state.runners.values())
    if (device !== null && runner.device === device && isUnclaimed(runner) && runner !== claim?.runner)
      processes.push(runner);
  const sleepers = sleepersOf(state).filter((runner) => runner !== claim?.runner);
  processes.push(...inOrderOfLeaving(state, sleepers, (runner) => sleeperCandidate(state, runner)));
  return processes;
}

/** Bases that nobody uses, nor has waited for as long as the claim; the first to go first. */
function idleBases(state: PoolState, claim: MemoryClaim | null, nowMs: number): ReadyRunner[] {
  const bases: ReadyRunner[] = [];
  for (const runner of state.runners.values()) {
    if (runner.state !== 'ready' || !isIdle(runner) || runner.id === claim?.runner?.id) continue;
    if (!mayGiveWay(state, runner, tierOfClaim(claim), nowMs) || holdsPromise(state, runner)) continue;
    if (holdsKept(state, runner)) continue;
    const waitedSinceMs = longestWaitMs(state, runner);
    // A pin's place in line may be that of a request; places of requests differ.
    const mayGo = claim ? waitedSinceMs > headMs(claim.want) : waitedSinceMs === Number.POSITIVE_INFINITY;
    if (mayGo) bases.push(runner);
  }
  return inOrderOfLeaving(state, bases, (runner) => baseCandidate(state, runner));
}

function idleCombos(state: PoolState, to: Tier, nowMs: number): IdleCombo[] {
  const combos: IdleCombo[] = [];
  for (const runner of state.runners.values()) {
    if (runner.state !== 'ready') continue;
    for (const slot of runner.combos.values()) {
      if (slot.state !== 'ready' || slot.active > 0 || !mayGiveWay(state, slot, to, nowMs)) continue;
      const { key } = slot.combo;
      if (!isPromised(state, key, runner.id) && !isKept(state, runner, key)) combos.push({ runner, slot });
    }
  }
  return inOrderOfLeaving(state, combos, ({ slot }) => comboCandidate(slot));
}

/** What the machine itself lacks comes before all flex work. */
function tierOfClaim(claim: MemoryClaim | null): Tier {
  return claim ? tierOf(headMs(claim.want)) : 'interactive';
}

import type { DeviceName } from '../domain/ids.ts';
import { type Bytes, isCovered, minus, NO_BYTES, plus } from './bytes.ts';
import type { PoolEffect } from './effects.ts';
import { inOrderOfLeaving } from './eviction.ts';
import { baseCandidate, comboCandidate, evictBase, evictCombo } from './evictions.ts';
import { holdsKept, isKept } from './keeps.ts';
import {
  allOwnBytes,
  asleepBytes,
  comingBytes,
  gainBytes,
  type MemoryClaim,
  pagesOfClaim,
} from './memory.ts';
import { freedPages, type PagesNeed, pagesOf, type SharedPages } from './pages.ts';
import { holdsPromise, isPromised } from './promises.ts';
import { hasHostRoom, maySleep, sleeperCandidate, sleepersOf } from './sleep.ts';
import { allSlotBytes, type ReadySlot } from './slots.ts';
import { isUnclaimed } from './standbys.ts';
import { baseKey, isIdle, type PoolState, type ReadyRunner, type Runner } from './state.ts';
import { stopRunner } from './stops.ts';
import type { Tier } from './terms.ts';
import { mayGiveWay, tierOf } from './tiers.ts';
import { headMs, longestWaitMs } from './wants.ts';

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
  const victims = findVictims(state, minus(missing, comingBytes(state, device, claim)), device, claim, nowMs);
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
  const processes = idleProcesses(state, claim).map((runner) => ({
    one: runner,
    runner,
    gain: on(device, runner, gainBytes(state, runner)),
  }));
  const combos = idleCombos(state, tierOfClaim(claim), nowMs).map((one) => ({
    one,
    runner: one.runner,
    gain: on(device, one.runner, allSlotBytes(one.slot)),
  }));
  const pages = pagesOfClaim(state, device, claim);
  const idle: Idle = { processes, combos, bases: () => idleBases(state, claim, nowMs), pages };
  const choose = (sleep: boolean): Victims | null => chooseVictims(state, idle, missing, device, sleep);
  // What sleeps keeps something, which may be what is missing. Where none may sleep it would be the same again.
  return choose(true) ?? (state.settings.maxAsleep === 0 ? null : choose(false));
}

/** What comes free when it goes. */
interface Gain<T> {
  readonly one: T;
  readonly runner: Runner;
  readonly gain: Bytes;
}

interface Idle {
  /** The first to go first. */
  readonly processes: readonly Gain<Runner>[];
  /** In no order. */
  readonly combos: readonly Gain<IdleCombo>[];
  /** The first to go first; not looked for until all else is not enough. */
  readonly bases: () => Iterable<ReadyRunner>;
  /** What the claim itself is going to share. */
  readonly pages: PagesNeed | null;
}

/**
 * As many of the first as are needed; bases, which are the most to lose, one after the other when all else is not enough. Those
 * that share their weights with others go together, or they would leave nothing but their combos.
 */
function chooseVictims(
  state: PoolState,
  { processes, combos, bases, pages: need }: Idle,
  missing: Bytes,
  device: DeviceName | null,
  sleep: boolean,
): Victims | null {
  const leaving = new Map<Runner, LeavingBase>();
  const sharers = new Map<SharedPages, LeavingBase[]>();
  let left = missing;
  // What is short of all the others together is not looked for among them.
  let others = plus(sumOf(processes), sumOf(combos));
  const isEnough = (): boolean => others.host >= left.host && others.device >= left.device;
  const chosen = (): Victims => {
    const stay = combos.filter(({ runner }) => !leaving.has(runner));
    return { ...enoughOf(state, processes, stay, left), bases: [...leaving.values()] };
  };
  if (isEnough()) return chosen();
  for (const runner of bases()) {
    const one = { runner, sleeps: sleep && sleepsFor(state, runner, left, device) };
    const pages = pagesOf(state, runner);
    const together = pages ? [...(sharers.get(pages) ?? []), one] : [one];
    if (pages) sharers.set(pages, together);
    const freed = freedOf(state, together, (other) => leaving.has(other), need);
    const gain = plus(gainOf(state, together, device), { host: freed, device: 0 });
    if ((pages && freed <= 0) || !helps(gain, left)) continue;
    for (const each of together) leaving.set(each.runner, each);
    if (pages) sharers.delete(pages);
    left = minus(left, gain);
    others = minus(
      others,
      sumOf(combos.filter((combo) => together.some((each) => each.runner === combo.runner))),
    );
    if (isEnough()) return chosen();
  }
  return null;
}

function sumOf(gains: readonly Gain<unknown>[]): Bytes {
  let host = 0;
  let device = 0;
  for (const { gain } of gains) {
    host += gain.host;
    device += gain.device;
  }
  return { host, device };
}

/** The first of those that help; all together are enough. */
function enoughOf(
  state: PoolState,
  processes: readonly Gain<Runner>[],
  combos: readonly Gain<IdleCombo>[],
  missing: Bytes,
): Omit<Victims, 'bases'> {
  let left = missing;
  const take = <T>(gains: Iterable<Gain<T>>): T[] => {
    const taken: T[] = [];
    for (const { one, gain } of gains) {
      // What is not walked over is not put in order either.
      if (isCovered(left)) break;
      if (!helps(gain, left)) continue;
      taken.push(one);
      left = minus(left, gain);
    }
    return taken;
  };
  const inOrder = inOrderOfLeaving(state, combos, ({ one }) => comboCandidate(one.slot));
  return { processes: take(processes), combos: take(inOrder) };
}

/** It gives something of what is missing. */
function helps(gain: Bytes, missing: Bytes): boolean {
  return (missing.host > 0 && gain.host > 0) || (missing.device > 0 && gain.device > 0);
}

/** What is on another device is no room. */
function on(device: DeviceName | null, runner: Runner, bytes: Bytes): Bytes {
  return runner.device === device ? bytes : { host: bytes.host, device: 0 };
}

/** Without weights that they share. */
function gainOf(state: PoolState, together: readonly LeavingBase[], device: DeviceName | null): Bytes {
  let gain = NO_BYTES;
  for (const { runner, sleeps } of together) {
    const all = minus(allOwnBytes(state, runner), runner.combos.sums.detaching);
    gain = plus(gain, on(device, runner, sleeps ? minus(all, asleepBytes(state, runner)) : all));
  }
  return gain;
}

function freedOf(
  state: PoolState,
  together: readonly LeavingBase[],
  gone: (runner: Runner) => boolean,
  need: PagesNeed | null,
): number {
  const going = together.map(({ runner }) => runner);
  return freedPages(state, going, gone, need);
}

/** It may sleep, and what it keeps then is not what is missing. */
function sleepsFor(
  state: PoolState,
  runner: ReadyRunner,
  missing: Bytes,
  device: DeviceName | null,
): boolean {
  if (!maySleep(state, runner) || !hasHostRoom(state, runner)) return false;
  const { host } = gainOf(state, [{ runner, sleeps: true }], device);
  return host >= 0 || missing.host - host <= 0;
}

/** Standbys but for the one that is used, and what sleeps: those that are worth the least first. */
function idleProcesses(state: PoolState, claim: MemoryClaim | null): Runner[] {
  const standbys: Runner[] = [];
  for (const runner of state.runners.values()) if (isUnclaimed(runner)) standbys.push(runner);
  const sleepers = inOrderOfLeaving(state, sleepersOf(state), (runner) => sleeperCandidate(state, runner));
  return [...standbys, ...sleepers].filter((runner) => runner !== claim?.runner);
}

/** Bases that nobody uses, nor has waited for as long as the claim; the first to go first. */
function idleBases(state: PoolState, claim: MemoryClaim | null, nowMs: number): Iterable<ReadyRunner> {
  const bases: ReadyRunner[] = [];
  const tier = tierOfClaim(claim);
  for (const runner of state.runners.values()) {
    if (runner.state !== 'ready' || !isIdle(runner) || runner.id === claim?.runner?.id) continue;
    if (!mayGiveWay(state, runner, tier, nowMs) || holdsPromise(state, runner)) continue;
    if (holdsKept(state, runner)) continue;
    if (!isWaitedFor(state, runner, claim)) bases.push(runner);
  }
  return inOrderOfLeaving(state, bases, (runner) => baseCandidate(state, runner));
}

/** Somebody who goes before the claim waits for it. Beside the claim's own runner another of its base has no room for them. */
function isWaitedFor(state: PoolState, runner: ReadyRunner, claim: MemoryClaim | null): boolean {
  const waitedSinceMs = longestWaitMs(state, runner);
  if (!claim) return waitedSinceMs !== Number.POSITIVE_INFINITY;
  if (claim.runner?.model && baseKey(runner.model) === baseKey(claim.runner.model)) return false;
  // A pin's place in line may be that of a request; places of requests differ.
  return waitedSinceMs <= headMs(claim.want);
}

function idleCombos(state: PoolState, to: Tier, nowMs: number): IdleCombo[] {
  const combos: IdleCombo[] = [];
  for (const runner of state.runners.values()) {
    if (runner.state !== 'ready' || runner.combos.size === 0) continue;
    for (const slot of runner.combos.values()) {
      if (slot.state !== 'ready' || slot.active > 0 || !mayGiveWay(state, slot, to, nowMs)) continue;
      const { key } = slot.combo;
      if (!isPromised(state, key, runner.id) && !isKept(state, runner, key)) combos.push({ runner, slot });
    }
  }
  return combos;
}

/** What the machine itself lacks comes before all flex work. */
function tierOfClaim(claim: MemoryClaim | null): Tier {
  return claim ? tierOf(headMs(claim.want)) : 'interactive';
}

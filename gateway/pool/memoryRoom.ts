import type { PoolEffect } from './effects.ts';
import { inOrderOfLeaving } from './eviction.ts';
import { baseCandidate, comboCandidate, evictBase, evictCombo } from './evictions.ts';
import { holdsKept, isKept } from './keeps.ts';
import { comingBytes, gainBytes, slotBytes } from './memory.ts';
import { holdsPromise, isPromised } from './promises.ts';
import { isIdle, type PoolState, type ReadyRunner, type ReadySlot, type Runner, type Want } from './state.ts';
import type { Tier } from './terms.ts';
import { mayGiveWay, tierOf } from './tiers.ts';
import { headMs, longestWaitMs } from './wants.ts';

/** For whom memory is made: it goes before all that arrived later. */
export interface MemoryClaim {
  readonly want: Want;
  /** The runner of its base, which stays. */
  readonly runner: Runner | undefined;
}

interface IdleCombo {
  readonly runner: ReadyRunner;
  readonly slot: ReadySlot;
}

/** What is let go together. */
interface Victims {
  readonly runners: readonly ReadyRunner[];
  readonly combos: readonly IdleCombo[];
}

/**
 * Makes `missingBytes` of memory out of what is idle, or nothing when that would not do. An idle combo goes before a
 * base. Memory that comes free by itself counts. null: nobody waits, the runners hold more than was predicted.
 */
export function makeMemoryRoom(
  state: PoolState,
  missingBytes: number,
  claim: MemoryClaim | null,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const victims = findVictims(state, missingBytes - comingBytes(state), claim, nowMs);
  for (const { runner, slot } of victims?.combos ?? []) evictCombo(state, runner, slot, nowMs, effects);
  for (const runner of victims?.runners ?? []) evictBase(state, runner, nowMs, effects);
}

/** null: all that is idle together is not enough. Has no side effects. */
export function findVictims(
  state: PoolState,
  missingBytes: number,
  claim: MemoryClaim | null,
  nowMs: number,
): Victims | null {
  const runners: ReadyRunner[] = [];
  if (missingBytes <= 0) return { runners, combos: [] };
  const bases = idleBases(state, claim, nowMs);
  const idle = idleCombos(state, tierOfClaim(claim), nowMs);
  let bytes = 0;
  for (;;) {
    const combos = enoughOf(idle, missingBytes - bytes, runners);
    if (combos) return { runners, combos };
    const next = bases.shift();
    if (!next) return null;
    runners.push(next);
    bytes += gainBytes(state, next);
  }
}

/** The first of those on runners that stay. null: they are not enough. */
function enoughOf(
  idle: readonly IdleCombo[],
  missingBytes: number,
  leaving: readonly Runner[],
): IdleCombo[] | null {
  const combos: IdleCombo[] = [];
  let bytes = 0;
  for (const one of idle) {
    if (bytes >= missingBytes) break;
    if (leaving.includes(one.runner)) continue;
    combos.push(one);
    bytes += slotBytes(one.slot);
  }
  return bytes >= missingBytes ? combos : null;
}

/** Bases that nobody uses, nor waits for since before the claim was made; the first to go first. */
function idleBases(state: PoolState, claim: MemoryClaim | null, nowMs: number): ReadyRunner[] {
  const bases: ReadyRunner[] = [];
  for (const runner of state.runners.values()) {
    if (runner.state !== 'ready' || !isIdle(runner) || runner.id === claim?.runner?.id) continue;
    if (!mayGiveWay(state, runner, tierOfClaim(claim), nowMs) || holdsPromise(state, runner)) continue;
    if (holdsKept(state, runner)) continue;
    const waitedSinceMs = longestWaitMs(state, runner);
    const mayGo = claim ? waitedSinceMs >= headMs(claim.want) : waitedSinceMs === Number.POSITIVE_INFINITY;
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

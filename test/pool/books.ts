import { expect } from 'vitest';
import type { ComboKey, RunnerId } from '../../gateway/domain/ids.ts';
import { isCovered, minus } from '../../gateway/pool/bytes.ts';
import { runnersFor } from '../../gateway/pool/candidates.ts';
import { isCurrentCombo } from '../../gateway/pool/current.ts';
import { canFit } from '../../gateway/pool/fit.ts';
import { bestHolder, holdersOf } from '../../gateway/pool/holders.ts';
import { holdsKept, isKept } from '../../gateway/pool/keeps.ts';
import { comingBytes } from '../../gateway/pool/memory.ts';
import { findVictims } from '../../gateway/pool/memoryRoom.ts';
import { blockedByMemory } from '../../gateway/pool/placing.ts';
import {
  baseKey,
  isIdle,
  isUsable,
  type PoolState,
  type Runner,
  type UsableRunner,
} from '../../gateway/pool/state.ts';
import type { Tier } from '../../gateway/pool/terms.ts';
import { mayGiveWay, tierOf } from '../../gateway/pool/tiers.ts';
import {
  isDozing,
  leavesPlace,
  restingCount,
  runnersOfBase,
  runnersWithBase,
} from '../../gateway/pool/usable.ts';
import { allWants, headMs, isUnplaced, placeOf } from '../../gateway/pool/wants.ts';
import { checkIndices } from './indexChecks.ts';
import { checkQuarantines } from './quarantineChecks.ts';
import { checkFairness, checkLines, checkServed } from './waitBooks.ts';

/** What must hold in the pool's own books after every event, and after a tick. Plain comparisons first: this runs for each event. */
export function checkBooks(state: PoolState, nowMs: number, isTick = false): void {
  checkQueues(state);
  checkLines(state);
  checkFairness(state);
  checkRunners(state, nowMs, isTick);
  checkNobodyForgotten(state, nowMs);
  checkQuarantines(state, nowMs);
  checkIndices(state);
}

/** The place in line of the first who waits for the combo and was not promised another runner. */
export function firstWaitMs(state: PoolState, key: ComboKey, id: RunnerId): number {
  const waiters = state.queues.get(key)?.waiters ?? [];
  const first = waiters.find(({ promised }) => promised === null || promised === id);
  return first?.lineMs ?? Number.POSITIVE_INFINITY;
}

/** Somebody has waited at least as long, for another base. */
export function waitsElsewhere(state: PoolState, key: string | null, sinceMs: number): boolean {
  return [...state.unplaced.bases].some(([base, unplaced]) => base !== key && placeOf(unplaced) <= sinceMs);
}

function must(condition: boolean, what: string): void {
  if (!condition) expect.fail(what);
}

function checkQueues(state: PoolState): void {
  let waiting = 0;
  for (const [key, { combo, waiters }] of state.queues) {
    must(combo.key === key && waiters.length > 0, `queue "${key}" is empty or misfiled`);
    must(waiters.length <= state.settings.queueLimitPerCombo + 50, `queue "${key}" is too long`);
    waiting += waiters.length;
    for (const { id } of waiters) must(state.waitingIn.get(id)?.key === key, `"${id}" is not in waitingIn`);
    const slot = holdersOf(state, combo)[0]?.slot;
    const starting = bestHolder(state, combo)?.slot;
    const queue = state.queues.get(key);
    must((slot === undefined) === (queue !== undefined && isUnplaced(state, queue)), `"${key}"`);
    if (starting?.state === 'wanted' || starting?.state === 'attaching') {
      // Flex work that was held where the combo is let go joins when it has gone there.
      for (const { id, start, tier } of waiters)
        must(start !== null || tier === 'flex', `"${id}" joined no start`);
      must(waiters.filter((waiter) => waiter.start?.joined === false).length <= 1, `"${key}" begun twice`);
    }
  }
  must(waiting === state.waiting && waiting === state.waitingIn.size, 'waiting is miscounted');
  let unplaced = 0;
  for (const queue of allWants(state)) {
    must(isCurrentCombo(queue.combo, state.catalogue), `"${queue.combo.key}" waits, but is not current`);
    if (queue.type === 'replica') {
      must(state.replicas.get(queue.combo.key) === queue, `unplaced "${queue.combo.key}" is no replica`);
      must(state.keeps.has(queue.combo.key), `"${queue.combo.key}" is wanted, but not kept`);
      continue;
    }
    unplaced += 1;
    must(state.queues.get(queue.combo.key) === queue, `unplaced "${queue.combo.key}" is no queue`);
    must(
      queue.waiters.every(({ start }) => start === null),
      `"${queue.combo.key}" has no start`,
    );
  }
  for (const [key, want] of state.replicas) must(isUnplaced(state, want), `replica "${key}" is lost`);
  must(unplaced <= state.queues.size, 'a queue is unplaced twice');
  must(!state.shuttingDown || state.queues.size === 0, 'somebody waits although the gateway shuts down');
}

function checkRunners(state: PoolState, nowMs: number, isTick: boolean): void {
  const withBase = runnersWithBase(state);
  must(withBase <= state.settings.maxRunners, 'more runners than allowed');
  const standbys = [...state.runners.values()].filter(({ model }) => model === null).length;
  must(standbys <= state.settings.standbys, 'more standbys than allowed');
  must(restingCount(state) <= state.settings.maxAsleep, 'more asleep than allowed');
  const active = new Map<string, number>();
  for (const { runnerId, comboKey } of state.granted.values()) {
    active.set(runnerId, (active.get(runnerId) ?? 0) + 1);
    active.set(`${runnerId} ${comboKey}`, (active.get(`${runnerId} ${comboKey}`) ?? 0) + 1);
  }
  for (const runner of state.runners.values()) {
    if (isUsable(runner)) {
      must(runner.combos.size <= state.settings.maxCombosPerRunner, `too many combos on "${runner.id}"`);
    }
    if (runner.state === 'ready' || runner.state === 'draining') {
      must(runner.active === (active.get(runner.id) ?? 0), `"${runner.id}" miscounts what runs`);
      must(runner.state === 'ready' || runner.active > 0, `"${runner.id}" drains, but nothing runs`);
    }
    if (runner.model === null) must(runner.combos.size === 0, `"${runner.id}" has combos without a base`);
    for (const [key, slot] of runner.combos) checkSlot(runner, key, slot, active);
    if (runner.state === 'ready') checkServed(state, runner, nowMs, isTick);
  }
}

function checkSlot(
  runner: Runner,
  key: string,
  slot: Runner['combos'] extends Map<unknown, infer S> ? S : never,
  active: ReadonlyMap<string, number>,
): void {
  must(slot.combo.key === key, `slot "${key}" is misfiled`);
  must(
    runner.model !== null && baseKey(slot.combo.model) === baseKey(runner.model),
    `"${key}" is on a runner of another base`,
  );
  must((slot.state === 'wanted') === (runner.state === 'starting' || runner.state === 'loading'), `"${key}"`);
  const running = active.get(`${runner.id} ${key}`) ?? 0;
  if (slot.state === 'ready' || slot.state === 'draining') {
    must(slot.active === running, `"${key}" miscounts what runs`);
    must(running <= slot.sequences, `"${key}" runs more than its sequences`);
    const { from, sequences } = slot.resize ?? { from: slot.sequences, sequences: slot.sequences };
    must(slot.sequences === Math.min(from, sequences), `"${key}" serves more than both of its sizes have`);
    must(slot.retiringBytes >= 0, `"${key}" gives back more than it held`);
    must(
      slot.state === 'ready' || slot.active > 0 || runner.state === 'draining',
      `"${key}" drains, but nothing runs`,
    );
  } else must(running === 0, `something runs on "${key}", which is ${slot.state}`);
}

/** Whoever waits without a start waits because there is no room that the pool could use or make. */
function checkNobodyForgotten(state: PoolState, nowMs: number): void {
  const blocked = blockedByMemory(state, nowMs);
  if (blocked) {
    const { device } = blocked;
    const missing = minus(blocked.missing, comingBytes(state, device, blocked));
    must(
      isCovered(missing) || findVictims(state, missing, device, blocked, nowMs) === null,
      'idle ones keep the memory that is missing',
    );
    must(canFit(state, blocked.want.combo), 'one waits that can never fit');
  }
  let missing: Tier | null = null;
  for (const want of allWants(state)) {
    const tier = tierOf(headMs(want));
    const runners = runnersFor(state, runnersOfBase(state, want.combo.model), want);
    // One that is falling asleep is woken as soon as it sleeps.
    if (isDozing(state, want.combo.model)) continue;
    if (runners.length === 0) missing = missing === 'interactive' ? missing : tier;
    else if (!blocked) checkNoPlace(state, runners, tier, nowMs);
  }
  if (missing === null || (blocked && runnersWithBase(state) < state.settings.maxRunners)) return;
  must(runnersWithBase(state) >= state.settings.maxRunners, 'a base waits although a runner could start');
  const runners = [...state.runners.values()];
  if (runners.some(leavesPlace)) return;
  const spare = runners.filter(
    (runner) =>
      runner.state === 'ready' &&
      isIdle(runner) &&
      mayGiveWay(state, runner, missing, nowMs) &&
      !holdsKept(state, runner) &&
      !isWaitedFor(state, runner, missing),
  );
  must(spare.length === 0, 'a base waits although an idle runner could go');
}

/** By somebody who does not stand behind all of that tier. */
function isWaitedFor(state: PoolState, { model, combos }: Runner, tier: Tier): boolean {
  const key = model && baseKey(model);
  const wants = allWants(state).filter(({ combo }) => baseKey(combo.model) === key);
  for (const held of combos.keys()) wants.push(...(state.queues.has(held) ? [state.queues.get(held)!] : []));
  return wants.some((want) => tier === 'flex' || tierOf(headMs(want)) === 'interactive');
}

/** None of the base's runners has a place, and where one could be made it is on its way. */
function checkNoPlace(state: PoolState, runners: readonly UsableRunner[], tier: Tier, nowMs: number): void {
  for (const runner of runners)
    must(runner.combos.size >= state.settings.maxCombosPerRunner, `"${runner.id}" has room`);
  const [first] = runners.filter(({ state: name }) => name === 'ready');
  if (!first) return;
  const slots = [...first.combos];
  if (slots.some(([, slot]) => slot.state === 'detaching')) return;
  const idle = slots.some(
    ([key, slot]) =>
      slot.state === 'ready' &&
      slot.active === 0 &&
      mayGiveWay(state, slot, tier, nowMs) &&
      !isKept(state, first, key),
  );
  must(!idle, 'an idle combo stays');
}

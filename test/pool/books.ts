import { expect } from 'vitest';
import { isCurrentCombo } from '../../gateway/pool/current.ts';
import { comingBytes, wholeNeed } from '../../gateway/pool/memory.ts';
import { findVictims } from '../../gateway/pool/memoryRoom.ts';
import { isFlexHeld } from '../../gateway/pool/nextWaiters.ts';
import { blockedByMemory } from '../../gateway/pool/placing.ts';
import { headMs, oldestQueue } from '../../gateway/pool/queues.ts';
import {
  baseKey,
  isIdle,
  isUsable,
  type PoolState,
  type ReadyRunner,
  type Runner,
  runnerOfBase,
  runnerOfCombo,
  runnersWithBase,
} from '../../gateway/pool/state.ts';
import type { Tier } from '../../gateway/pool/terms.ts';
import { mayGiveWay, tierOf } from '../../gateway/pool/tiers.ts';

/** What must hold in the pool's own books after every event, and after a tick. Plain comparisons first: this runs for each event. */
export function checkBooks(state: PoolState, nowMs: number, isTick = false): void {
  checkQueues(state);
  checkFairness(state);
  checkRunners(state, nowMs, isTick);
  checkNobodyForgotten(state, nowMs);
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
    for (const [index, waiter] of waiters.entries()) {
      must(state.waitingIn.get(waiter.id) === key, `"${waiter.id}" is not in waitingIn`);
      const before = waiters[index - 1];
      must(!before || before.lineMs < waiter.lineMs, `queue "${key}" is not in line`);
      must(tierOf(waiter.lineMs) === waiter.tier, `"${waiter.id}" stands with the other tier`);
      if (before?.tier === waiter.tier)
        must(before.waitsSinceMs <= waiter.waitsSinceMs, `queue "${key}" has waits out of order`);
    }
    const slot = runnerOfCombo(state, key)?.combos.get(key);
    const unplaced = state.unplaced.get(baseKey(combo.model));
    const queue = state.queues.get(key);
    must((slot === undefined) === (queue !== undefined && unplaced?.queues.has(queue) === true), `"${key}"`);
    if (slot?.state === 'wanted' || slot?.state === 'attaching') {
      for (const waiter of waiters) must(waiter.start?.kind === slot.kind, `"${waiter.id}" joined no start`);
      must(waiters.filter((waiter) => waiter.start?.joined === false).length <= 1, `"${key}" begun twice`);
    }
  }
  must(waiting === state.waiting && waiting === state.waitingIn.size, 'waiting is miscounted');
  let unplaced = 0;
  for (const [base, { model, queues }] of state.unplaced) {
    must(base === baseKey(model) && queues.size > 0, `unplaced base "${base}" is empty or misfiled`);
    for (const queue of queues) {
      unplaced += 1;
      must(state.queues.get(queue.combo.key) === queue, `unplaced "${queue.combo.key}" is no queue`);
      must(
        queue.waiters.every(({ start }) => start === null),
        `"${queue.combo.key}" has no start`,
      );
      must(isCurrentCombo(queue.combo, state.catalogue), `"${queue.combo.key}" waits, but is not current`);
    }
  }
  must(unplaced <= state.queues.size, 'a queue is unplaced twice');
  must(!state.shuttingDown || state.queues.size === 0, 'somebody waits although the gateway shuts down');
}

function checkFairness({ fairness, queues, granted, flexWaiting }: PoolState): void {
  const waiting = new Map<unknown, number>();
  let flex = 0;
  for (const { waiters } of queues.values())
    for (const { account, tier } of waiters) {
      if (account) waiting.set(account, (waiting.get(account) ?? 0) + 1);
      if (tier === 'flex') flex += 1;
    }
  const running = new Map<unknown, number>();
  for (const { account } of granted.values()) running.set(account, (running.get(account) ?? 0) + 1);
  must(flex === flexWaiting, 'waiting flex work is miscounted');
  must(
    fairness.waiting.size === waiting.size,
    'a tenant that waits is not in the books, or one that does not is',
  );
  for (const account of fairness.accounts.values()) {
    const { tenant, counter } = account;
    must(counter >= 0, `the counter of "${tenant}" is ${counter}`);
    must(account.waiting === (waiting.get(account) ?? 0), `what waits of "${tenant}" is miscounted`);
    must(account.running === (running.get(account) ?? 0), `what runs of "${tenant}" is miscounted`);
  }
}

function checkRunners(state: PoolState, nowMs: number, isTick: boolean): void {
  const withBase = runnersWithBase(state);
  must(withBase <= state.settings.maxRunners, 'more runners than allowed');
  must(state.runners.size - withBase <= state.settings.standbys, 'more standbys than allowed');
  const bases = new Set<string>();
  const active = new Map<string, number>();
  for (const { runnerId, comboKey } of state.granted.values()) {
    active.set(runnerId, (active.get(runnerId) ?? 0) + 1);
    active.set(`${runnerId} ${comboKey}`, (active.get(`${runnerId} ${comboKey}`) ?? 0) + 1);
  }
  for (const runner of state.runners.values()) {
    if (isUsable(runner)) {
      must(!bases.has(baseKey(runner.model)), `two runners for "${runner.model.id}"`);
      bases.add(baseKey(runner.model));
      must(runner.combos.size <= state.settings.maxCombosPerRunner, `too many combos on "${runner.id}"`);
    }
    if (runner.state === 'ready' || runner.state === 'draining') {
      must(runner.active === (active.get(runner.id) ?? 0), `"${runner.id}" miscounts what runs`);
      must(runner.state === 'ready' || runner.active > 0, `"${runner.id}" drains, but nothing runs`);
    }
    if (runner.model === null) must(runner.combos.size === 0, `"${runner.id}" has combos without a base`);
    for (const [key, slot] of runner.combos) checkSlot(state, runner, key, slot, active);
    if (runner.state === 'ready') checkServed(state, runner, nowMs, isTick);
  }
}

function checkSlot(
  state: PoolState,
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
    must(running <= slot.combo.model.sequences, `"${key}" runs more than its sequences`);
    must(
      slot.state === 'ready' || slot.active > 0 || runner.state === 'draining',
      `"${key}" drains, but nothing runs`,
    );
  } else must(running === 0, `something runs on "${key}", which is ${slot.state}`);
}

/** Nobody waits for what is free on it; flex work that was held back is granted by the next tick. */
function checkServed(state: PoolState, runner: ReadyRunner, nowMs: number, isTick: boolean): void {
  const isHeld = isFlexHeld(state, runner, nowMs);
  let runnersInteractive = 0;
  for (const { runnerId, tier } of state.granted.values())
    if (runnerId === runner.id && tier === 'interactive') runnersInteractive += 1;
  must(runner.interactive.active === runnersInteractive, `"${runner.id}" miscounts its interactive requests`);
  for (const [key, slot] of runner.combos) {
    if (slot.state !== 'ready') continue;
    const queue = state.queues.get(key);
    const waitsAsFlex = tierOf(headMs(queue)) === 'flex' && (isHeld || !isTick);
    const isFull = slot.active === slot.combo.model.sequences;
    must(!queue || isFull || waitsAsFlex, `"${key}" is free and waited for`);
    const ofOrders = queue?.waiters.some(({ type }) => type === 'order') ?? false;
    must(!ofOrders, `an order waits for "${key}", which is ready`);
    let interactive = 0;
    for (const { runnerId, comboKey, tier } of state.granted.values())
      if (runnerId === runner.id && comboKey === key && tier === 'interactive') interactive += 1;
    must(slot.interactive.active === interactive, `"${key}" miscounts its interactive requests`);
  }
}

/** Whoever waits without a start waits because there is no room that the pool could use or make. */
function checkNobodyForgotten(state: PoolState, nowMs: number): void {
  const blocked = blockedByMemory(state);
  if (blocked) {
    const missing = blocked.missingBytes - comingBytes(state);
    must(
      missing <= 0 || findVictims(state, missing, blocked, nowMs) === null,
      'idle ones keep the memory that is missing',
    );
    must(wholeNeed(state, blocked.queue.combo) <= state.settings.memoryBytes, 'one waits that can never fit');
  }
  let missing: Tier | null = null;
  for (const { model, queues } of state.unplaced.values()) {
    const tier = tierOf(headMs(oldestQueue(queues)));
    const runner = runnerOfBase(state, model);
    if (!runner) missing = missing === 'interactive' ? missing : tier;
    else {
      if (blocked && runner.combos.size < state.settings.maxCombosPerRunner) continue;
      must(runner.combos.size >= state.settings.maxCombosPerRunner, `"${runner.id}" has room`);
      const slots = [...runner.combos.values()];
      const leaving = slots.some((slot) => slot.state === 'detaching');
      const mayGo = slots.some(
        (slot) => slot.state === 'ready' && slot.active === 0 && mayGiveWay(state, slot, tier, nowMs),
      );
      must(leaving || !mayGo, 'an idle combo stays');
    }
  }
  if (missing === null || (blocked && runnersWithBase(state) < state.settings.maxRunners)) return;
  must(runnersWithBase(state) >= state.settings.maxRunners, 'a base waits although a runner could start');
  const runners = [...state.runners.values()];
  if (runners.some((runner) => runner.model !== null && runner.state === 'stopping')) return;
  const spare = runners.filter(
    (runner) =>
      runner.state === 'ready' &&
      isIdle(runner) &&
      mayGiveWay(state, runner, missing, nowMs) &&
      !isWaitedFor(state, runner, missing),
  );
  must(spare.length === 0, 'a base waits although an idle runner could go');
}

/** By somebody who does not stand behind all of that tier. */
function isWaitedFor(state: PoolState, { model, combos }: Runner, tier: Tier): boolean {
  const queues = [...(model ? (state.unplaced.get(baseKey(model))?.queues ?? []) : [])];
  for (const key of combos.keys()) queues.push(...(state.queues.has(key) ? [state.queues.get(key)!] : []));
  return queues.some((queue) => tier === 'flex' || tierOf(headMs(queue)) === 'interactive');
}

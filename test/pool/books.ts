import { expect } from 'vitest';
import { isCurrentCombo } from '../../gateway/pool/current.ts';
import { isResident } from '../../gateway/pool/eviction.ts';
import { comingBytes, wholeNeed } from '../../gateway/pool/memory.ts';
import { findVictims } from '../../gateway/pool/memoryRoom.ts';
import { blockedByMemory } from '../../gateway/pool/placing.ts';
import { quarantineOf } from '../../gateway/pool/quarantine.ts';
import {
  baseKey,
  isIdle,
  isUsable,
  type PoolState,
  type Runner,
  runnerOfBase,
  runnerOfCombo,
  runnersWithBase,
} from '../../gateway/pool/state.ts';

/** What must hold in the pool's own books after every event. Plain comparisons first: this runs for each event. */
export function checkBooks(state: PoolState, nowMs: number): void {
  checkQueues(state);
  checkRunners(state);
  checkNobodyForgotten(state, nowMs);
  checkQuarantines(state, nowMs);
}

/** Nobody waits for a start that may not begin, and what is remembered of failures is bounded. */
function checkQuarantines(state: PoolState, nowMs: number): void {
  for (const { model, queues } of state.unplaced.values())
    for (const { combo } of queues) {
      const needsBase = !runnerOfBase(state, model);
      must(quarantineOf(state, combo, needsBase, nowMs) === null, `"${combo.key}" waits in quarantine`);
    }
  const { quarantineCapMs } = state.settings;
  for (const [key, { failures, untilMs }] of state.quarantines) {
    must(failures >= 1, `"${key}" never failed`);
    must(untilMs - nowMs <= quarantineCapMs, `"${key}" is quarantined for longer than the cap`);
  }
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
      must(!before || before.arrivedMs <= waiter.arrivedMs, `queue "${key}" is not in the order of arrival`);
      must(!before || before.waitsSinceMs <= waiter.waitsSinceMs, `queue "${key}" has waits out of order`);
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

function checkRunners(state: PoolState): void {
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
  if (slot.state === 'ready' && runner.state === 'ready') {
    const waiters = state.queues.get(slot.combo.key)?.waiters ?? [];
    must(
      waiters.length === 0 || slot.active === slot.combo.model.sequences,
      `"${key}" is free and waited for`,
    );
    must(
      waiters.every((waiter) => waiter.type === 'request'),
      `an order waits for "${key}", which is ready`,
    );
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
  let missing = 0;
  for (const { model } of state.unplaced.values()) {
    const runner = runnerOfBase(state, model);
    if (!runner) missing += 1;
    else {
      if (blocked && runner.combos.size < state.settings.maxCombosPerRunner) continue;
      must(runner.combos.size >= state.settings.maxCombosPerRunner, `"${runner.id}" has room`);
      const slots = [...runner.combos.values()];
      const leaving = slots.some((slot) => slot.state === 'detaching');
      must(
        leaving ||
          !slots.some(
            (slot) => slot.state === 'ready' && slot.active === 0 && isResident(state, slot.worth, nowMs),
          ),
        'an idle combo stays',
      );
    }
  }
  if (missing === 0 || (blocked && runnersWithBase(state) < state.settings.maxRunners)) return;
  must(runnersWithBase(state) >= state.settings.maxRunners, 'a base waits although a runner could start');
  const runners = [...state.runners.values()];
  if (runners.some((runner) => runner.model !== null && runner.state === 'stopping')) return;
  const spare = runners.filter(
    (runner) =>
      runner.state === 'ready' &&
      isIdle(runner) &&
      isResident(state, runner.worth, nowMs) &&
      runner.model !== null &&
      !state.unplaced.has(baseKey(runner.model)) &&
      ![...runner.combos.keys()].some((key) => state.queues.has(key)),
  );
  must(spare.length === 0, 'a base waits although an idle runner could go');
}

import type { PoolEffect } from './effects.ts';
import { holdsPromise, isPromised } from './promises.ts';
import { headMs, oldestQueue } from './queues.ts';
import {
  baseKey,
  type PoolState,
  type ReadyRunner,
  type ReadySlot,
  runnerOfBase,
  runnersWithBase,
  type WaitQueue,
} from './state.ts';
import { drainRunner } from './stops.ts';

/**
 * Who waits for room that only busy ones could give gets its turn after `swapAfterMs`: the least recently used busy
 * one takes no new work and goes when what runs has ended. Only one for which nobody has waited longer, and that nobody
 * was promised, gives way, so
 * that two that do not fit together are served in batches, in the order of arrival, and neither starves.
 */
export function takeTurns(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  const missing: WaitQueue[] = [];
  for (const { model, queues } of state.unplaced.values()) {
    const oldest = oldestQueue(queues);
    if (!oldest || nowMs - headMs(oldest) < state.settings.swapAfterMs) continue;
    const runner = runnerOfBase(state, model);
    if (!runner) missing.push(oldest);
    else if (runner.state === 'ready') swapCombo(state, runner, oldest);
  }
  missing.sort((a, b) => headMs(a) - headMs(b));
  for (const queue of missing.slice(roomOnItsWay(state))) swapRunner(state, queue, nowMs, effects);
}

function roomOnItsWay(state: PoolState): number {
  let coming = Math.max(0, state.settings.maxRunners - runnersWithBase(state));
  for (const runner of state.runners.values())
    if (runner.model !== null && (runner.state === 'stopping' || runner.state === 'draining')) coming += 1;
  return coming;
}

function swapRunner(state: PoolState, queue: WaitQueue, nowMs: number, effects: PoolEffect[]): void {
  let oldest: ReadyRunner | undefined;
  for (const runner of state.runners.values()) {
    if (runner.state !== 'ready' || runner.active === 0) continue;
    if (longestWaitMs(state, runner) <= headMs(queue) || holdsPromise(state, runner)) continue;
    if (!oldest || runner.lastUsedMs < oldest.lastUsedMs) oldest = runner;
  }
  if (oldest) drainRunner(state, oldest, 'replaced', nowMs, effects);
}

/** When the first of those arrived that wait for any combo of the runner's base. */
function longestWaitMs(state: PoolState, runner: ReadyRunner): number {
  let firstMs = headMs(oldestQueue(state.unplaced.get(baseKey(runner.model))?.queues ?? []));
  for (const key of runner.combos.keys()) firstMs = Math.min(firstMs, headMs(state.queues.get(key)));
  return firstMs;
}

/** The same within one runner: a combo gives its place to another. One at a time. */
function swapCombo(state: PoolState, runner: ReadyRunner, queue: WaitQueue): void {
  let oldest: ReadySlot | undefined;
  for (const [key, slot] of runner.combos) {
    if (slot.state === 'draining' || slot.state === 'detaching') return;
    if (slot.state !== 'ready' || slot.active === 0) continue;
    if (headMs(state.queues.get(key)) <= headMs(queue) || isPromised(state, key)) continue;
    if (!oldest || slot.lastUsedMs < oldest.lastUsedMs) oldest = slot;
  }
  if (!oldest) return;
  const { combo, kvBytes, computeBytes, active } = oldest;
  runner.combos.set(combo.key, { state: 'draining', combo, kvBytes, computeBytes, active });
}

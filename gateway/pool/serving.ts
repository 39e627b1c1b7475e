import { type ComboKey, requestId } from '../domain/ids.ts';
import { noteDuration, SERVICE } from './durations.ts';
import type { PoolEffect } from './effects.ts';
import type { PoolEvent } from './events.ts';
import { noteUse } from './eviction.ts';
import { chargeGrant, settleCharge } from './fairness.ts';
import { readyHolders } from './holders.ts';
import { isKept } from './keeps.ts';
import { takeNext } from './nextWaiters.ts';
import { answerOrder } from './orderAnswers.ts';
import { startOn } from './queries.ts';
import { takeOut } from './queues.ts';
import { keepAlive, type ReadySlot } from './slots.ts';
import type { PoolState, ReadyRunner, Waiter } from './state.ts';
import { detach, stopRunner } from './stops.ts';
import type { InteractiveUse } from './tiers.ts';

/**
 * Grants from the combo's queue while runners have it ready and sequences free. The oldest runner is filled up to the
 * target occupancy before the next one is used, so that what one can serve leaves the others idle; beyond that all fill up.
 * nextWaiters() says to whom.
 */
export function grantWaiting(state: PoolState, key: ComboKey, nowMs: number, effects: PoolEffect[]): void {
  const waiting = state.queues.get(key);
  if (!waiting) return;
  const holders = readyHolders(state, waiting.combo);
  for (const share of [state.settings.targetOccupancy, 1]) {
    for (const { runner, slot } of holders) {
      const queue = state.queues.get(key);
      if (!queue) return;
      const free = Math.ceil(slot.sequences * share) - slot.active;
      if (free <= 0) continue;
      const next = takeNext(state, queue, runner, free, nowMs);
      for (const waiter of next) grant(state, runner, slot, waiter, nowMs, effects);
    }
  }
}

function grant(
  state: PoolState,
  runner: ReadyRunner,
  slot: ReadySlot,
  waiter: Waiter,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const { tier, account } = waiter;
  if (runner.active === 0) state.decodersChanged = true;
  slot.active += 1;
  runner.active += 1;
  slot.lastUsedMs = nowMs;
  runner.lastUsedMs = nowMs;
  noteUse(state, 'combos', slot.worth);
  noteUse(state, 'bases', runner.worth);
  if (tier === 'interactive')
    for (const { interactive } of [slot, runner]) beginInteractive(interactive, nowMs);
  keepAlive(runner, slot, waiter.keepAliveMs ?? slot.combo.model.idleTtlMs ?? Number.POSITIVE_INFINITY);
  const id = requestId(waiter.id);
  const charged = account ? chargeGrant(state, account) : 0;
  state.granted.set(id, {
    runnerId: runner.id,
    comboKey: slot.combo.key,
    tier,
    account,
    charged,
    grantedMs: nowMs,
  });
  effects.push({ type: 'grant', requestId: id, ...startOn({ runner, slot }, waiter.start) });
}

/** Answers the orders to warm that waited for this combo. They take no sequence, so none waits for one. */
export function answerOrders(
  state: PoolState,
  runner: ReadyRunner,
  key: ComboKey,
  effects: PoolEffect[],
): void {
  const queue = state.queues.get(key);
  const orders = queue ? takeOut(state, queue, (waiter) => waiter.type === 'order') : [];
  for (const { id, start } of orders) {
    answerOrder(id, { order: 'warm', runnerId: runner.id, kind: start?.kind ?? 'warm' }, effects);
  }
}

/**
 * Frees the sequence of a granted request for the next one. The combo goes when the request asked for that or when
 * another combo waits for its place, the runner when it drains.
 */
export function endRequest(
  state: PoolState,
  { requestId: id, usage }: Extract<PoolEvent, { type: 'requestEnded' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const granted = state.granted.get(id);
  if (!granted) return;
  state.granted.delete(id);
  if (granted.account) settleCharge(state, granted.account, granted.charged, usage);
  noteDuration(state.serviceTimes, SERVICE, granted.comboKey, nowMs - granted.grantedMs);
  const runner = state.runners.get(granted.runnerId);
  const slot = runner?.combos.get(granted.comboKey);
  if (runner?.state !== 'ready' && runner?.state !== 'draining') return;
  if (slot?.state !== 'ready' && slot?.state !== 'draining')
    throw new Error(`Cannot end request "${id}": its combo is ${slot?.state ?? 'gone'}`);
  runner.active -= 1;
  slot.active -= 1;
  if (runner.active === 0) state.decodersChanged = true;
  if (runner.state === 'draining') {
    if (runner.active === 0) stopRunner(state, runner, runner.reason, nowMs, effects);
    return;
  }
  runner.lastUsedMs = nowMs;
  if (granted.tier === 'interactive') endInteractive(runner.interactive, nowMs);
  if (slot.state === 'ready') {
    slot.lastUsedMs = nowMs;
    if (granted.tier === 'interactive') endInteractive(slot.interactive, nowMs);
    grantWaiting(state, granted.comboKey, nowMs, effects);
  }
  const isLetGo =
    slot.state === 'ready' && slot.keepAliveMs === 0 && !isKept(state, runner, granted.comboKey);
  const unwanted = slot.state === 'draining' || (isLetGo && !state.queues.has(granted.comboKey));
  if (unwanted && slot.active === 0) detach(runner, slot, nowMs, effects);
}

function beginInteractive(use: InteractiveUse, nowMs: number): void {
  use.active += 1;
  use.lastMs = nowMs;
}

function endInteractive(use: InteractiveUse, nowMs: number): void {
  use.active -= 1;
  use.lastMs = nowMs;
}

/** Flex work that was held back gets what is free when nobody interactive waits too long any more. */
export function grantHeld(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  if (state.flexWaiting === 0) return;
  for (const [key, queue] of [...state.queues])
    if (queue.waiters.at(-1)?.tier === 'flex') grantWaiting(state, key, nowMs, effects);
}

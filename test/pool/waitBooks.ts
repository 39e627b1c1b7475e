import { expect } from 'vitest';
import type { Combo } from '../../gateway/domain/combo.ts';
import { ERROR_TABLE, type Failure } from '../../gateway/domain/errors.ts';
import type { RunnerId } from '../../gateway/domain/ids.ts';
import type { PoolEffect } from '../../gateway/pool/effects.ts';
import { isFlexHeld } from '../../gateway/pool/nextWaiters.ts';
import type { PoolState, ReadyRunner } from '../../gateway/pool/state.ts';
import { tierOf } from '../../gateway/pool/tiers.ts';
import type { SimulatedRequest } from './requests.ts';

function must(condition: boolean, what: string): void {
  if (!condition) expect.fail(what);
}

/** Counters are never negative, and everybody who waits or runs is counted once. */
export function checkFairness({ fairness, queues, granted, flexWaiting }: PoolState): void {
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

/** In line, interactive waiters first, and nobody waits since later than who stands behind it in its tier. */
export function checkLines({ queues }: PoolState): void {
  for (const [key, { waiters }] of queues)
    for (const [index, waiter] of waiters.entries()) {
      const before = waiters[index - 1];
      must(!before || before.lineMs < waiter.lineMs, `queue "${key}" is not in line`);
      must(tierOf(waiter.lineMs) === waiter.tier, `"${waiter.id}" stands with the other tier`);
      if (before?.tier === waiter.tier)
        must(before.waitsSinceMs <= waiter.waitsSinceMs, `queue "${key}" has waits out of order`);
    }
}

/** Nobody waits for what is free on it; flex work that was held back is granted by the next tick. */
export function checkServed(state: PoolState, runner: ReadyRunner, nowMs: number, isTick: boolean): void {
  const isHeld = isFlexHeld(state, runner, nowMs);
  checkInteractive(state, runner);
  for (const [key, slot] of runner.combos) {
    if (slot.state !== 'ready') continue;
    const queue = state.queues.get(key);
    const mayRun = (queue?.waiters ?? []).filter(({ promised }) => (promised ?? runner.id) === runner.id);
    const waitsAsFlex = mayRun.every(({ tier }) => tier === 'flex') && (isHeld || !isTick);
    const isFull = slot.active === slot.sequences;
    must(mayRun.length === 0 || isFull || waitsAsFlex, `"${key}" is free and waited for`);
    const ofOrders = queue?.waiters.some(({ type }) => type === 'order') ?? false;
    must(!ofOrders, `an order waits for "${key}", which is ready`);
  }
}

function checkInteractive(state: PoolState, runner: ReadyRunner): void {
  const active = new Map<string, number>();
  let all = 0;
  for (const { runnerId, comboKey, tier } of state.granted.values()) {
    if (runnerId !== runner.id || tier === 'flex') continue;
    all += 1;
    active.set(comboKey, (active.get(comboKey) ?? 0) + 1);
  }
  must(runner.interactive.active === all, `"${runner.id}" miscounts its interactive requests`);
  for (const [key, slot] of runner.combos)
    if (slot.state === 'ready')
      must(slot.interactive.active === (active.get(key) ?? 0), `"${key}" miscounts its interactive requests`);
}

/** A grant is in time, and no flex work is granted before interactive requests that could have had its sequence. */
export function wrongGrant(
  state: PoolState,
  { id, combo, terms }: SimulatedRequest,
  runnerId: RunnerId,
  nowMs: number,
): string | null {
  if (terms.deadlineAtMs <= nowMs) return `grants "${id}" after its deadline`;
  const passedOver = state.queues
    .get(combo.key)
    ?.waiters.some(({ tier, promised }) => tier === 'interactive' && (promised ?? runnerId) === runnerId);
  return terms.tier === 'flex' && passedOver ? `grants flex work "${id}" before interactive requests` : null;
}

/** Nobody waits past its deadline. */
export function overdue(requests: readonly SimulatedRequest[], nowMs: number): string | null {
  const late = requests.find(({ state, terms }) => state === 'waiting' && terms.deadlineAtMs <= nowMs);
  return late ? `lets "${late.id}" wait past its deadline` : null;
}

/** Whoever may come again is told when. */
export function tellsNoTime({ code, isPermanent, retryAfterMs }: Failure): boolean {
  const { status, retry } = ERROR_TABLE[code];
  const isCurable = retry && !isPermanent && (status === 429 || status === 503);
  return isCurable && !((retryAfterMs ?? 0) > 0);
}

/** A start for who comes next, after one was refused for the length of it, waits like an order that nobody gave. */
export function noteStartForNext(
  state: PoolState,
  orders: Map<string, { readonly combo: Combo | null; answered: boolean }>,
  combo: Combo,
  effects: readonly PoolEffect[],
): void {
  const id = `next ${combo.key}`;
  const isBegun = state.waitingIn.has(id) && orders.get(id)?.answered !== false;
  const isAnswered = effects.some((effect) => effect.type === 'answer' && effect.orderId === id);
  if (isBegun || isAnswered) orders.set(id, { combo, answered: false });
}

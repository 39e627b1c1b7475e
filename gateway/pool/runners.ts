import type { CatalogueAdapter, CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';
import type { ComboKey, RunnerId } from '../domain/ids.ts';
import type { StartKind } from '../domain/phases.ts';
import { blame, blameExit, refusalAfter } from './blame.ts';
import type { PoolEffect, StopReason } from './effects.ts';
import type { PoolEvent } from './events.ts';
import { newWorth } from './eviction.ts';
import { chargeStart } from './fairness.ts';
import { holdersOf, readyHolders } from './holders.ts';
import { isKept, keepFailed, keepLost } from './keeps.ts';
import { loseStarts } from './lostStarts.ts';
import { loadedWeights, noteContext } from './measures.ts';
import { pagesMapped } from './pages.ts';
import { lift, strike } from './quarantine.ts';
import { losePlace, rejectWaiting } from './queues.ts';
import { stagingOf } from './segments.ts';
import { answerOrders, grantWaiting } from './serving.ts';
import { allSlotBytes, type ComboSlot, readySlot } from './slots.ts';
import { countLoss, forgetLosses, isSuspect, isUnclaimed } from './standbys.ts';
import { shareStart } from './startShares.ts';
import { attach, kindOf, load } from './starts.ts';
import { noteLoad, noteStart, noteStep } from './startTimes.ts';
import type { PoolState, ReadyRunner, Runner, WaitQueue } from './state.ts';
import { detach, stopRunner } from './stops.ts';
import type { Tier } from './terms.ts';
import { beganFor, tierOf } from './tiers.ts';
import { forget, moveTo } from './transitions.ts';
import { upkeep } from './upkeep.ts';
import { headMs } from './wants.ts';
import { firstKeepAliveMs } from './warmAhead.ts';

/** The process takes orders: it loads the base that it was spawned for, or waits for one as a standby. */
export function runnerUp(state: PoolState, id: RunnerId, nowMs: number, effects: PoolEffect[]): void {
  const runner = state.runners.get(id);
  if (runner?.state !== 'starting') return;
  const { device, model, combos } = runner;
  noteStep(state, { step: 'spawn' }, nowMs - runner.sinceMs);
  if (model === null) {
    moveTo(state, { id, device, model, combos, state: 'standby', sinceMs: nowMs });
    effects.push({ type: 'note', note: 'standby_ready', runnerId: id });
  } else load(state, { id, device, model, combos }, kindOf(runner), null, nowMs, effects);
}

/** The base is there: every combo that was wanted on this runner is attached. */
export function runnerLoaded(
  state: PoolState,
  { runnerId: id, weightBytes, atSource }: Extract<PoolEvent, { type: 'runnerLoaded' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const runner = state.runners.get(id);
  if (runner?.state !== 'loading') return;
  forgetLosses(state);
  noteLoad(state, weightBytes, nowMs - runner.sinceMs);
  const { device, model, combos, threads } = runner;
  const weights = loadedWeights(state, runner, weightBytes);
  pagesMapped(state, runner, weights.host, atSource);
  noteStep(state, { step: 'load', model }, nowMs - stepBegan(state, runner, [model]));
  const ready = moveTo(state, {
    id,
    device,
    model,
    combos,
    state: 'ready',
    weights,
    worth: newWorth(state, 'bases', nowMs - runner.sinceMs, nowMs),
    interactive: beganFor(tierOfWanted(state, combos), nowMs),
    threads,
    active: 0,
    lastUsedMs: nowMs,
    startShared: false,
  });
  effects.push({ type: 'note', note: 'runner_ready', runnerId: id, detail: { base: model.id, weightBytes } });
  for (const slot of [...combos.values()]) {
    if (slot.state === 'wanted') attach(ready, slot, nowMs, effects);
  }
}

/** When what it reads was there, so that nothing but the step itself was left. */
function stepBegan(
  state: PoolState,
  { sinceMs }: { readonly sinceMs: number },
  reads: readonly (CatalogueModel | CatalogueAdapter)[],
): number {
  return Math.max(sinceMs, stagingOf(state, reads).endedMs);
}

/** Of flex work alone, or also of somebody interactive: also when those who began it have left. */
function tierOfWanted(state: PoolState, combos: ReadonlyMap<ComboKey, ComboSlot>): Tier {
  for (const key of combos.keys()) {
    const queue = state.queues.get(key);
    if (!queue || tierOf(headMs(queue)) === 'interactive') return 'interactive';
  }
  return 'flex';
}

/** Who waited for the start is served, and who waits on for a free sequence waits from now. */
export function comboReady(
  state: PoolState,
  event: Extract<PoolEvent, { type: 'comboReady' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const runner = state.runners.get(event.runnerId);
  const slot = runner?.combos.get(event.comboKey);
  if (runner?.state !== 'ready' || slot?.state !== 'attaching') return;
  const { combo } = slot;
  const adapters = combo.adapters.map(({ adapter }) => adapter);
  noteStep(state, { step: 'attach', combo }, nowMs - stepBegan(state, slot, adapters));
  lift(state, combo.key, 'success', effects);
  const { kvBytes, computeBytes } = event;
  const deviceShare = noteContext(state, runner, event);
  const queue = state.queues.get(combo.key);
  const { sequences } = runner.model;
  const worth = newWorth(state, 'combos', nowMs - slot.sinceMs, nowMs);
  const interactive = beganFor(queue ? tierOf(headMs(queue)) : 'interactive', nowMs);
  const keepAliveMs = firstKeepAliveMs(state, combo, nowMs);
  const ready = readySlot(
    {
      combo,
      sequences,
      kvBytes,
      computeBytes,
      deviceShare,
      reserveBytes: 0,
      worth,
      interactive,
      keepAliveMs,
    },
    nowMs,
  );
  runner.combos.set(event.comboKey, ready);
  noteStart(state, combo, slot.kind, nowMs - slot.begunMs);
  effects.push({
    type: 'note',
    note: 'combo_ready',
    runnerId: runner.id,
    combo: combo.name,
    detail: { kvBytes, computeBytes },
  });
  const start = { kind: slot.kind, tookMs: nowMs - slot.begunMs };
  if (queue) serveStart(state, runner, queue, start, nowMs, effects);
  else if (isAbandoned(state, runner, combo)) detach(runner, ready, nowMs, effects);
}

/** The start that the queue waited for is over. */
function serveStart(
  state: PoolState,
  runner: ReadyRunner,
  { combo, waiters }: WaitQueue,
  { kind, tookMs }: { readonly kind: StartKind; readonly tookMs: number },
  nowMs: number,
  effects: PoolEffect[],
): void {
  const initiator = waiters.find(({ start }) => start?.runnerId === runner.id && !start.joined);
  if (initiator?.account) chargeStart(state, initiator.account, tookMs);
  for (const waiter of waiters) waiter.waitsSinceMs = nowMs;
  shareStart(state, runner, combo.key, kind);
  answerOrders(state, runner, combo.key, effects);
  grantWaiting(state, combo.key, nowMs, effects);
}

/** It was begun for those who have left, not to keep the combo nor to have it on one runner more. */
function isAbandoned(state: PoolState, runner: ReadyRunner, combo: Combo): boolean {
  if (state.settings.abandonedStarts === 'keep' || isKept(state, runner, combo.key)) return false;
  return readyHolders(state, combo).length === 1;
}

/** The combo cannot be attached; who waited for it is answered, the runner goes on. */
export function comboFailed(
  state: PoolState,
  event: Extract<PoolEvent, { type: 'comboFailed' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const runner = state.runners.get(event.runnerId);
  const slot = runner?.combos.get(event.comboKey);
  if (!runner || slot?.state !== 'attaching') return;
  refuseCombo(state, runner, slot.combo, event.failure, nowMs, effects);
  runner.combos.delete(event.comboKey);
}

/** The runner cannot serve the combo: who waits for it is answered, unless another runner does. The base is there. */
export function refuseCombo(
  state: PoolState,
  runner: Runner,
  combo: Combo,
  failure: Failure,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const detail = { code: failure.code, message: failure.message };
  effects.push({ type: 'note', note: 'combo_failed', runnerId: runner.id, combo: combo.name, detail });
  strike(state, { scope: 'combo', combo }, failure, nowMs, effects);
  startFailed(state, runner, combo, failure, nowMs, effects);
}

/** Answers everybody who waits for the combo, unless another runner serves it or will. */
function startFailed(
  state: PoolState,
  { id, combos }: Runner,
  combo: Combo,
  failure: Failure,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const { key } = combo;
  keepFailed(state, key, failure, nowMs);
  if (!holdersOf(state, combo).some(({ runner }) => runner.id !== id)) {
    rejectWaiting(state, key, refusalAfter(state, key, failure, nowMs), effects);
    return;
  }
  const slot = combos.get(key);
  // No holder any more, but its memory is held until the runner, or its process, has let go.
  if (slot) combos.set(key, { state: 'detaching', combo, sinceMs: nowMs, bytes: allSlotBytes(slot) });
  losePlace(state, key, id, effects);
}

export function comboDetached(state: PoolState, id: RunnerId, key: ComboKey, effects: PoolEffect[]): void {
  const runner = state.runners.get(id);
  const slot = runner?.combos.get(key);
  if (!runner || slot?.state !== 'detaching') return;
  runner.combos.delete(key);
  effects.push({ type: 'note', note: 'combo_detached', runnerId: id, combo: slot.combo.name });
  losePlace(state, key, id, effects);
}

/**
 * A start that failed answers everybody who waits for it, unless the standby that it took is suspect; a ready runner that
 * failed is replaced for who waits, also for an attach on it. `sinceMs`: when it began to fail; a hang is found later than that.
 */
export function runnerFailed(
  state: PoolState,
  id: RunnerId,
  failure: Failure,
  nowMs: number,
  effects: PoolEffect[],
  reason: Extract<StopReason, 'failed' | 'hung'> = 'failed',
  sinceMs = nowMs,
): void {
  const runner = state.runners.get(id);
  if (!runner || runner.state === 'stopping') return;
  const detail = { code: failure.code, message: failure.message, state: runner.state };
  effects.push({ type: 'note', note: 'runner_failed', runnerId: id, detail });
  const isSuspected = isSuspect(runner, failure, sinceMs);
  if (isUnclaimed(runner)) countLoss(state, runner, failure, nowMs, effects);
  if (!isSuspected) blame(state, runner, failure, nowMs, effects);
  if (runner.state === 'ready') loseStarts(state, runner, failure, nowMs, effects);
  else if (!isSuspected) answerStarts(state, runner, failure, nowMs, effects);
  noteLosses(state, runner, failure, nowMs);
  stopRunner(state, runner, reason, nowMs, effects);
}

/**
 * The process is gone: what it held is gone. Granted requests are ended by the shell, which sees their sockets. A start
 * that somebody else has ended has not failed.
 */
export function runnerGone(
  state: PoolState,
  event: Extract<PoolEvent, { type: 'runnerExited' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const { runnerId: id, failure } = event;
  const runner = state.runners.get(id);
  if (!runner) return;
  const expected = runner.state === 'stopping';
  const detail = { message: failure.message, state: runner.state, expected };
  effects.push({ type: 'note', note: 'runner_exited', runnerId: id, detail });
  const isSuspected = isSuspect(runner, failure, nowMs);
  if (isUnclaimed(runner)) countLoss(state, runner, failure, nowMs, effects);
  if (!isSuspected) blameExit(state, runner, event, nowMs, effects);
  if (runner.state === 'ready' || event.byOthers) loseStarts(state, runner, failure, nowMs, effects);
  else if (!isSuspected) answerStarts(state, runner, failure, nowMs, effects);
  noteLosses(state, runner, failure, nowMs);
  forget(state, id);
  for (const key of runner.combos.keys()) losePlace(state, key, id, effects);
  upkeep(state, nowMs, effects);
}

/** What was ready on it and is kept is missing now. */
function noteLosses(state: PoolState, runner: Runner, failure: Failure, nowMs: number): void {
  if (state.keeps.size === 0) return;
  for (const [key, slot] of runner.combos)
    if (slot.state === 'ready') keepLost(state, key, slot.worth.readyMs, failure, nowMs);
}

/** Only combos whose start is under way on this runner: who waits for a free sequence is served by the next runner. */
function answerStarts(
  state: PoolState,
  runner: Runner,
  failure: Failure,
  nowMs: number,
  effects: PoolEffect[],
): void {
  for (const { state: name, combo } of [...runner.combos.values()]) {
    if (name !== 'wanted' && name !== 'attaching') continue;
    startFailed(state, runner, combo, failure, nowMs, effects);
  }
}

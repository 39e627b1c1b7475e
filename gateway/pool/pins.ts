import type { Failure } from '../domain/errors.ts';
import type { ComboName } from '../domain/ids.ts';
import type { PoolEffect } from './effects.ts';
import type { PoolEvent } from './events.ts';
import { pinConflict } from './fit.ts';
import { reviewKeeps } from './keeps.ts';
import { answerOrder, refuseOrder } from './orderAnswers.ts';
import type { PoolState } from './state.ts';
import { refuseUnfit, upkeep } from './upkeep.ts';

/** `ready`: on so many runners. `staged`: its files are where a start reads them fastest. */
export type PinLevel = 'ready' | 'staged';

/** An operator's order to keep a combo at a level. */
export interface Pin {
  readonly name: ComboName;
  readonly level: PinLevel;
  readonly count: number;
  /** Infinity: without end. */
  readonly untilMs: number;
}

/** Pins the combo, or changes its pin; refused when it cannot be kept together with the other pins. */
export function pin(
  state: PoolState,
  { orderId, combo, level, count, untilMs }: Extract<PoolEvent, { type: 'pinAsked' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const { name } = combo;
  const error: Failure | null = state.shuttingDown
    ? { code: 'shutting_down', message: `Cannot pin "${name}": the gateway is shutting down` }
    : pinConflict(state, combo, { level, count });
  if (error) return refuseOrder(orderId, error, effects);
  setPin(state, { name, level, count, untilMs }, effects);
  effects.push({ type: 'note', note: 'pinned', combo: name, detail: { level, count } });
  answerOrder(orderId, { order: 'pin' }, effects);
  keepAnew(state, nowMs, effects);
  refuseUnfit(state, effects);
}

/**
 * Puts pins into the books as they were, without asking whether they fit. What is missing is begun by the next tick: until
 * then runners of an earlier gateway may be adopted that have it ready.
 */
export function restorePins(state: PoolState, pins: readonly Pin[], effects: PoolEffect[]): void {
  for (const restored of pins) setPin(state, restored, effects);
  reviewKeeps(state);
}

function keepAnew(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  reviewKeeps(state);
  upkeep(state, nowMs, effects);
}

function setPin(state: PoolState, one: Pin, effects: PoolEffect[]): void {
  state.pins.set(one.name, one);
  // With a weight store the next tick, and each one after, sees to it.
  if (one.level === 'staged' && !state.store) effects.push({ type: 'stage', combo: one.name });
}

/** Idempotent. What was pinned goes as anything else does. */
export function unpin(
  state: PoolState,
  orderId: string,
  name: ComboName,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const existed = state.pins.delete(name);
  if (existed) {
    effects.push({ type: 'note', note: 'unpinned', combo: name });
    keepAnew(state, nowMs, effects);
  }
  answerOrder(orderId, { order: 'unpin', existed }, effects);
}

/** Pins whose time is over end. */
export function endPins(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  let ended = 0;
  for (const { name, untilMs } of state.pins.values()) {
    if (nowMs < untilMs) continue;
    state.pins.delete(name);
    ended += 1;
    effects.push({ type: 'pinEnded', combo: name });
    effects.push({ type: 'note', note: 'pin_ended', combo: name });
  }
  if (ended > 0) keepAnew(state, nowMs, effects);
}

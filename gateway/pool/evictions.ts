import { plus, totalOf } from './bytes.ts';
import { allContextBytes } from './contexts.ts';
import type { PoolEffect } from './effects.ts';
import { type Candidate, noteEviction } from './eviction.ts';
import { gainBytes } from './memory.ts';
import { hasHostRoom, maySleep, sleepRunner } from './sleep.ts';
import type { ReadySlot } from './slots.ts';
import type { PoolState, ReadyRunner } from './state.ts';
import { detach, stopRunner } from './stops.ts';

/** A base with all that comes free when it goes. */
export function baseCandidate(state: PoolState, runner: ReadyRunner): Candidate {
  return {
    worth: runner.worth,
    bytes: totalOf(plus(gainBytes(state, runner), runner.combos.sums.detaching)),
    lastUsedMs: runner.lastUsedMs,
  };
}

export function comboCandidate(slot: ReadySlot): Candidate {
  return { worth: slot.worth, bytes: allContextBytes(slot), lastUsedMs: slot.lastUsedMs };
}

/** Lets an idle base go, for want of room: to sleep where that is meant and may be. */
export function evictBase(
  state: PoolState,
  runner: ReadyRunner,
  sleeps: boolean,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const candidate = baseCandidate(state, runner);
  noteEviction(state, 'bases', candidate);
  const detail = { base: runner.model.id, bytes: candidate.bytes };
  effects.push({ type: 'note', note: 'base_evicted', runnerId: runner.id, detail });
  if (sleeps && maySleep(state, runner) && hasHostRoom(state, runner))
    sleepRunner(state, runner, nowMs, effects);
  else stopRunner(state, runner, 'evicted', nowMs, effects);
}

/** Lets an idle combo go, for want of room. */
export function evictCombo(
  state: PoolState,
  runner: ReadyRunner,
  slot: ReadySlot,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const candidate = comboCandidate(slot);
  noteEviction(state, 'combos', candidate);
  const detail = { bytes: candidate.bytes };
  effects.push({
    type: 'note',
    note: 'combo_evicted',
    runnerId: runner.id,
    combo: slot.combo.name,
    detail,
  });
  detach(runner, slot, nowMs, effects);
}

import { type Bytes, NO_BYTES, plus } from './bytes.ts';
import type { PoolEffect, StopReason } from './effects.ts';
import { allOwnBytes } from './memory.ts';
import { losePlace } from './queues.ts';
import { allSlotBytes, type DrainingSlot, type ReadySlot, Slots } from './slots.ts';
import type { PoolState, ReadyRunner, Runner } from './state.ts';
import { moveTo } from './transitions.ts';

/**
 * Orders the process to end. The runner stays in the books until its exit is a fact. Who waits for a combo of it is
 * served by the next runner.
 */
export function stopRunner(
  state: PoolState,
  runner: Runner,
  reason: StopReason,
  nowMs: number,
  effects: PoolEffect[],
): void {
  if (runner.state === 'stopping') return;
  const { id, device, model, combos } = runner;
  // What still runs on a draining runner has had its time; one that is not up has nothing to finish, nor may it hear us.
  const isOverdue = runner.state === 'starting' || (runner.state === 'draining' && runner.active > 0);
  const atOnce = isOverdue || reason === 'failed' || reason === 'hung' || reason === 'unreachable';
  const heldBytes = allOwnBytes(state, runner);
  const wasAsleep = runner.state === 'asleep';
  const left = { heldBytes, wasAsleep, sinceMs: nowMs };
  moveTo(state, { id, device, model, combos: new Slots(), state: 'stopping', ...left });
  effects.push({
    type: 'stop',
    runnerId: id,
    graceMs: atOnce ? 0 : state.settings.drainTimeoutMs,
    reason,
  });
  effects.push({
    type: 'note',
    note: 'runner_stopping',
    runnerId: id,
    detail: { reason, base: model?.id ?? null },
  });
  for (const key of combos.keys()) losePlace(state, key, id, effects);
}

/**
 * No new work; the runner stops when the last granted request has ended, at once when there is none. Who waits for a
 * combo of it, or for an attach under way on it, is served by the next runner.
 */
export function drainRunner(
  state: PoolState,
  runner: ReadyRunner,
  reason: StopReason,
  nowMs: number,
  effects: PoolEffect[],
): void {
  if (runner.active === 0) {
    stopRunner(state, runner, reason, nowMs, effects);
    return;
  }
  const { id, device, model, weights, threads, active } = runner;
  const combos = new Slots();
  let leavingBytes: Bytes = NO_BYTES;
  for (const [key, slot] of runner.combos)
    if (slot.state === 'ready' || slot.state === 'draining') combos.set(key, slot);
    else leavingBytes = plus(leavingBytes, allSlotBytes(slot));
  moveTo(state, {
    id,
    device,
    model,
    combos,
    state: 'draining',
    sinceMs: nowMs,
    weights,
    threads,
    active,
    leavingBytes,
    reason,
  });
  effects.push({ type: 'note', note: 'runner_draining', runnerId: id, detail: { reason, active } });
  for (const key of runner.combos.keys()) losePlace(state, key, id, effects);
}

/** Orders the runner to let an idle combo go; its base stays. */
export function detach(
  runner: Runner,
  slot: ReadySlot | DrainingSlot,
  nowMs: number,
  effects: PoolEffect[],
): void {
  if (slot.active > 0) throw new Error(`Cannot detach "${slot.combo.name}": ${slot.active} requests use it`);
  const { combo } = slot;
  runner.combos.set(combo.key, { state: 'detaching', combo, sinceMs: nowMs, bytes: allSlotBytes(slot) });
  effects.push({ type: 'detach', runnerId: runner.id, comboKey: combo.key });
}

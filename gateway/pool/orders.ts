import type { Combo } from '../domain/combo.ts';
import type { PoolEffect } from './effects.ts';
import { allowStart, lift, quarantineKey } from './quarantine.ts';
import { enqueue } from './queues.ts';
import { answerOrders } from './serving.ts';
import { type PoolState, runnerOfCombo } from './state.ts';
import { detach } from './stops.ts';

/** An order to warm waits in the combo's queue like a request, but takes no sequence and is not refused by limits. */
export function warm(
  state: PoolState,
  orderId: string,
  combo: Combo,
  nowMs: number,
  effects: PoolEffect[],
): void {
  if (state.shuttingDown) {
    const error = {
      code: 'shutting_down',
      message: `Cannot warm "${combo.name}": the gateway is shutting down`,
    } as const;
    effects.push({ type: 'answer', orderId, answer: { ok: false, error } });
    return;
  }
  allowStart(state, combo, nowMs);
  enqueue(state, combo, { type: 'order', id: orderId, keepAliveMs: undefined }, nowMs, effects);
  const runner = runnerOfCombo(state, combo.key);
  const slot = runner?.combos.get(combo.key);
  if (runner?.state !== 'ready' || slot?.state !== 'ready') return;
  slot.lastUsedMs = nowMs;
  runner.lastUsedMs = nowMs;
  answerOrders(state, runner, combo.key, effects);
}

/** Lets an idle combo go. Idempotent; `conflict` while somebody uses it or waits for it. */
export function evict(
  state: PoolState,
  orderId: string,
  combo: Combo,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const runner = runnerOfCombo(state, combo.key);
  const slot = runner?.combos.get(combo.key);
  const inUse = (slot?.state === 'ready' || slot?.state === 'draining') && slot.active > 0;
  const starting = slot?.state === 'wanted' || slot?.state === 'attaching';
  if (inUse || starting || state.queues.has(combo.key)) {
    const why = inUse ? 'busy' : starting ? 'being started' : 'waited for';
    const error = { code: 'conflict', message: `Cannot evict "${combo.name}": it is ${why}` } as const;
    effects.push({ type: 'answer', orderId, answer: { ok: false, error } });
    return;
  }
  const evicted = runner !== undefined && slot?.state === 'ready';
  if (evicted) detach(runner, slot, nowMs, effects);
  effects.push({ type: 'answer', orderId, answer: { ok: true, value: { order: 'evict', evicted } } });
}

/** Ends the quarantine of a combo and of its base. Idempotent. */
export function liftQuarantine(state: PoolState, orderId: string, combo: Combo, effects: PoolEffect[]): void {
  const own = lift(state, combo.key, 'operator', effects);
  const base = lift(state, quarantineKey(combo.model), 'operator', effects);
  const answer = { ok: true, value: { order: 'lift', lifted: own || base } } as const;
  effects.push({ type: 'answer', orderId, answer });
}

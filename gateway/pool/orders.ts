import type { Combo } from '../domain/combo.ts';
import { enqueue } from './arrivals.ts';
import type { PoolEffect } from './effects.ts';
import { type PoolState, runnerOfCombo } from './state.ts';
import { detach } from './stops.ts';

/** An order to warm waits in the combo's queue like a request, but takes no sequence and no place in the limits. */
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
  enqueue(state, combo, {
    type: 'order',
    id: orderId,
    arrivedMs: nowMs,
    keepAliveMs: undefined,
    start: null,
  });
}

/** Lets an idle combo go. Idempotent; `conflict` while somebody uses it or waits for it. */
export function evict(state: PoolState, orderId: string, combo: Combo, effects: PoolEffect[]): void {
  const runner = runnerOfCombo(state, combo.key);
  const slot = runner?.combos.get(combo.key);
  const busy =
    state.queues.has(combo.key) ||
    (slot !== undefined && slot.state !== 'detaching' && (slot.state !== 'ready' || slot.active > 0));
  if (busy) {
    const message = `Cannot evict "${combo.name}": it is ${slot?.state === 'ready' ? 'busy' : 'being started'}`;
    effects.push({ type: 'answer', orderId, answer: { ok: false, error: { code: 'conflict', message } } });
    return;
  }
  const evicted = runner !== undefined && slot?.state === 'ready';
  if (evicted) detach(runner, slot, effects);
  effects.push({ type: 'answer', orderId, answer: { ok: true, value: { order: 'evict', evicted } } });
}

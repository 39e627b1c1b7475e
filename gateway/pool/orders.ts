import type { Combo } from '../domain/combo.ts';
import type { PoolEffect } from './effects.ts';
import { enqueue } from './queues.ts';
import { answerOrders } from './serving.ts';
import { type PoolState, runnerOfCombo } from './state.ts';
import { detach } from './stops.ts';
import { PLAIN_TERMS } from './terms.ts';

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
  enqueue(state, combo, order(orderId), nowMs, effects);
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

/** It stands with the interactive requests, has no deadline, and is nobody's to pay for. */
function order(id: string): Parameters<typeof enqueue>[2] {
  const { tier, deadlineAtMs } = PLAIN_TERMS;
  return { type: 'order', id, keepAliveMs: undefined, tier, account: null, deadlineAtMs };
}

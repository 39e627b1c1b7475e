import type { RunnerId } from '../domain/ids.ts';
import type { OrderAnswer, PoolEffect } from './effects.ts';
import type { PoolState, Runner } from './state.ts';

type Granted = Extract<OrderAnswer, { ok: true }>['value'];
type Refusal = Extract<OrderAnswer, { ok: false }>['error'];

export function answerOrder(orderId: string, value: Granted, effects: PoolEffect[]): void {
  effects.push({ type: 'answer', orderId, answer: { ok: true, value } });
}

export function refuseOrder(orderId: string, error: Refusal, effects: PoolEffect[]): void {
  effects.push({ type: 'answer', orderId, answer: { ok: false, error } });
}

/** The runner that an order is about. undefined: there is none, and the order is refused. */
export function orderedRunner(
  { runners }: PoolState,
  orderId: string,
  id: RunnerId,
  cannot: string,
  effects: PoolEffect[],
): Runner | undefined {
  const runner = runners.get(id);
  if (!runner) refuseOrder(orderId, { code: 'not_found', message: `${cannot}: there is none` }, effects);
  return runner;
}

import { expect } from 'vitest';
import type { Combo } from '../../gateway/domain/combo.ts';
import type { PoolEffect } from '../../gateway/pool/effects.ts';
import type { PoolEvent } from '../../gateway/pool/events.ts';
import type { PoolState } from '../../gateway/pool/state.ts';
import { aheadBytes } from '../../gateway/pool/warmAhead.ts';

const TAKES: ReadonlySet<PoolEffect['type']> = new Set(['stop', 'detach', 'reject']);

/** Whose deadline has come is refused by whatever event comes next, and a start of its own may be dropped. */
function isNotOverdue(effect: PoolEffect): boolean {
  if (effect.type === 'stop') return effect.reason !== 'abandoned';
  return effect.type !== 'reject' || !effect.failure.code.endsWith('_exceeds_deadline');
}

/** What a forecast may not do; those that it starts wait like orders, for nobody. */
export function watchForecast(
  state: PoolState,
  orders: Map<string, { readonly combo: Combo | null; answered: boolean }>,
  { likely, budgetBytes }: Extract<PoolEvent, { type: 'demandExpected' }>,
  effects: readonly PoolEffect[],
): void {
  for (const { combo } of likely) {
    const id = `ahead ${combo.key}`;
    if (state.waitingIn.has(id) && orders.get(id)?.answered !== false)
      orders.set(id, { combo, answered: false });
  }
  if (!effects.some((effect) => effect.type === 'note' && effect.note === 'warmed_ahead')) return;
  const takes = effects.filter(isNotOverdue).find(({ type }) => TAKES.has(type));
  if (takes) expect.fail(`makes a forecast ${takes.type}`);
  if (aheadBytes(state) > budgetBytes) expect.fail('warms more ahead than its budget');
  if (state.unplaced.size > 0) expect.fail('warms ahead what has no room');
}

import { expect } from 'vitest';
import type { Combo } from '../../gateway/domain/combo.ts';
import type { PoolEffect } from '../../gateway/pool/effects.ts';
import type { PoolEvent } from '../../gateway/pool/events.ts';
import type { PoolState } from '../../gateway/pool/state.ts';
import { aheadBytes } from '../../gateway/pool/warmAhead.ts';

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
  const takes = effects.find((effect) => !isOverdue(effect) && TAKING.has(effect.type));
  if (takes) expect.fail(`makes a forecast ${takes.type}`);
  if (aheadBytes(state) > budgetBytes) expect.fail('warms more ahead than its budget');
  if (state.unplaced.size > 0) expect.fail('warms ahead what has no room');
}

const TAKING: ReadonlySet<PoolEffect['type']> = new Set(['stop', 'detach', 'reject']);

/** Whoever's deadline has passed is refused by whatever event comes next, and what he began may be dropped. */
function isOverdue(effect: PoolEffect): boolean {
  if (effect.type === 'reject') return effect.failure.code.endsWith('_exceeds_deadline');
  return effect.type === 'stop' && effect.reason === 'abandoned';
}

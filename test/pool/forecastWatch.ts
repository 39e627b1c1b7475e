import { expect } from 'vitest';
import type { Combo } from '../../gateway/domain/combo.ts';
import type { PoolEffect } from '../../gateway/pool/effects.ts';
import type { PoolEvent } from '../../gateway/pool/events.ts';
import type { PoolState } from '../../gateway/pool/state.ts';
import { aheadBytes } from '../../gateway/pool/warmAhead.ts';

/** Who has waited to its deadline is refused by whatever happens then. */
function takesAway(effect: PoolEffect): boolean {
  if (effect.type === 'reject') return !effect.failure.code.endsWith('_exceeds_deadline');
  // A start that is dropped was the refused one's.
  return effect.type === 'detach' || (effect.type === 'stop' && effect.reason !== 'abandoned');
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
  const takes = effects.find(takesAway);
  if (takes) expect.fail(`makes a forecast ${takes.type}`);
  if (aheadBytes(state) > budgetBytes) expect.fail('warms more ahead than its budget');
  if (state.unplaced.bases.size > 0) expect.fail('warms ahead what has no room');
}

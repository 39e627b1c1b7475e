import type { StopReason } from '../../gateway/pool/effects.ts';
import type { PoolState } from '../../gateway/pool/state.ts';
import { firstWaitMs, waitsElsewhere } from './books.ts';
import type { SimulatedProcess } from './processes.ts';

/** What is wrong with letting go of a runner that nobody uses; null: nothing, or it stops for another reason. */
export function wrongLettingGo(
  state: PoolState,
  process: SimulatedProcess,
  reason: StopReason,
): string | null {
  if (reason !== 'idle' && reason !== 'evicted') return null;
  const { id, baseKey, combos } = process;
  if ([...combos.values()].some((slot) => slot.state === 'attaching'))
    return `stops (${reason}) during an attach`;
  for (const key of combos.keys()) {
    const firstMs = firstWaitMs(state, key, id);
    const gaveWay = reason === 'evicted' && waitsElsewhere(state, baseKey, firstMs);
    if (firstMs < Number.POSITIVE_INFINITY && !gaveWay) return 'stops what is waited for';
  }
  return null;
}

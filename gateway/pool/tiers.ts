import { isResident, type Worth } from './eviction.ts';
import { countBefore, type Line } from './line.ts';
import type { PoolState } from './state.ts';
import type { Tier } from './terms.ts';

/**
 * How far flex work stands behind: it waits in line as if it had come three years later than it did, so behind everybody
 * interactive, and in the order of arrival among itself.
 */
const FLEX_BEHIND_MS = 1e11;

/** Between two who came in the same moment. */
const NEXT_MS = 1e-3;

/** The next place in line, by which all that wait are compared: the lower goes first, and no two are equal. */
export function takePlace(state: PoolState, tier: Tier, nowMs: number): number {
  state.lastPlaceMs = Math.max(nowMs, state.lastPlaceMs + NEXT_MS);
  return tier === 'flex' ? state.lastPlaceMs + FLEX_BEHIND_MS : state.lastPlaceMs;
}

/** Of a place in line. Nobody's (Infinity) is flex. */
export function tierOf(lineMs: number): Tier {
  return lineMs >= FLEX_BEHIND_MS ? 'flex' : 'interactive';
}

/** How many in the line are of that tier, or of one that goes before it. */
export function countUpTo({ items, placesMs }: Line<unknown>, tier: Tier): number {
  return tier === 'flex' ? items.length : countBefore(placesMs, FLEX_BEHIND_MS);
}

/** What interactive requests make of a combo or a base. */
export interface InteractiveUse {
  active: number;
  /** -Infinity: it was started for flex work and has only ever done that. */
  lastMs: number;
}

export function beganFor(tier: Tier, nowMs: number): InteractiveUse {
  return { active: 0, lastMs: tier === 'flex' ? Number.NEGATIVE_INFINITY : nowMs };
}

/**
 * Whether it may give way to one of that tier. Flex evicts nothing that interactive requests use or have used lately;
 * what only ever did flex work is not kept from interactive requests for its first time.
 */
export function mayGiveWay(
  state: PoolState,
  { worth, interactive }: { readonly worth: Worth; readonly interactive: InteractiveUse },
  to: Tier,
  nowMs: number,
): boolean {
  if (to === 'interactive')
    return interactive.lastMs === Number.NEGATIVE_INFINITY || isResident(state, worth, nowMs);
  const isSpared = interactive.active > 0 || nowMs - interactive.lastMs < state.settings.flexSparesMs;
  return !isSpared && isResident(state, worth, nowMs);
}

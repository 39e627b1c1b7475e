import type { Slo, SloCounts } from '../domain/slo.ts';
import type { Row } from './figures.ts';
import {
  BURN_PAIRS,
  BURN_WINDOWS,
  type BurnWindow,
  budgetRow,
  burnLimitOf,
  type SloState,
  sloState,
  sloTerms,
  tallyRow,
  three,
} from './slo.ts';

/** The counts of the burn rates' windows, in the order of BURN_WINDOWS. */
export function stateOf(slo: Slo, overall: SloCounts, recent: readonly SloCounts[]): SloState {
  const none = { good: 0, bad: 0, startGood: 0, startBad: 0 };
  const byWindow = Object.fromEntries(
    BURN_WINDOWS.map((window, index) => [window, recent[index] ?? none]),
  ) as Record<BurnWindow, SloCounts>;
  return sloState(slo, overall, byWindow);
}

/** A row of `GET /admin/v1/slos`. */
export function sloStateRow(slo: Slo, state: SloState, isComplete: boolean): Row {
  const { slo: id, ...terms } = sloTerms(slo);
  return {
    id: id ?? null,
    ...terms,
    window_s: slo.windowMs / 1000,
    state: state.status,
    is_complete: isComplete,
    ...tallyRow(state.counted),
    budget: budgetRow(state.budget),
    burn_rates: Object.fromEntries(BURN_WINDOWS.map((window) => [window, three(state.burnRates[window])])),
    burn_limits: Object.fromEntries(
      BURN_PAIRS.map((pair) => [`${pair.long}_${pair.short}`, three(burnLimitOf(pair, slo.windowMs))]),
    ),
    with_starts: tallyRow(state.withStarts),
    without_starts: tallyRow(state.withoutStarts),
  };
}

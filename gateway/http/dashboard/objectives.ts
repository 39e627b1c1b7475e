import type { Slo } from '../../domain/slo.ts';
import { BURN_WINDOWS, countsStarts } from '../../reports/slo.ts';
import { stateOf } from '../../reports/sloRows.ts';
import type { SloStanding } from '../../shell/sloBook.ts';
import type { Objective } from './data.ts';
import { milliseconds } from './pages/format.ts';

/** How an objective stands, as the page has it; docs/slos.md says what each figure is. */
export function objectiveOf({ slo, overall, recent, isComplete }: SloStanding): Objective {
  const { status, counted, withStarts, withoutStarts, budget, burnRates } = stateOf(slo, overall, recent);
  return {
    id: slo.id,
    of: slo.combo ?? slo.model,
    promise: promiseOf(slo),
    target: slo.target,
    state: status,
    countsStarts: countsStarts(slo),
    keptWithStarts: withStarts.ratio,
    keptWithoutStarts: withoutStarts.ratio,
    good: counted.good,
    total: counted.good + counted.bad,
    isComplete,
    budgetLeft: budget.leftShare,
    burnRates: BURN_WINDOWS.map((window) => ({ window, rate: burnRates[window] })),
  };
}

function promiseOf({ objective, thresholdMs, windowMs }: Slo): string {
  const within = `within ${milliseconds(thresholdMs)}`;
  const days = `over ${Math.round(windowMs / 86_400_000)} d`;
  switch (objective) {
    case 'ttft_warm':
      return `first token ${within}, ${days}`;
    case 'ttft_cold':
      return `first token after a start ${within}, ${days}`;
    case 'tpot':
      return `each further token ${within}, ${days}`;
    case 'availability':
      return `an answer without an error, ${days}`;
  }
}

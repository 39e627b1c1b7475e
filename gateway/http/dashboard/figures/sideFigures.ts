import type { ReportGroup } from '../../../domain/reportFigures.ts';
import type { SideRow } from '../data.ts';
import { groupBy } from './groupBy.ts';
import { kindsOf } from './groupFigures.ts';

/** Of groups by combo (or base) and start kind, as the report `cold_vs_warm` has them; docs/reports.md. */
export function sideRowsOf(groups: readonly ReportGroup[], of: 'combo' | 'base'): SideRow[] {
  const known = groups.filter(({ by }) => typeof by[of] === 'string');
  return [...groupBy(known, ({ by }) => String(by[of]))]
    .map(([name, all]) => rowOf(name, all))
    .filter(({ count }) => count > 0)
    .toSorted((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
}

function rowOf(name: string, all: readonly ReportGroup[]): SideRow {
  const kinds = kindsOf(all);
  const { cold, warm } = kinds;
  return {
    name,
    kinds,
    count: Object.values(kinds).reduce((sum, { count }) => sum + count, 0),
    coldToWarm: cold && warm && warm.p50Ms > 0 ? cold.p50Ms / warm.p50Ms : null,
  };
}

import type { Cube, Dimension, ReportGroup } from '../domain/reportFigures.ts';
import { coldVsWarmColumns, coldVsWarmRows } from './coldVsWarm.ts';
import type { Row } from './figures.ts';
import { latencyColumns, latencyRows } from './latency.ts';
import { startupColumns, startupRows } from './startup.ts';
import type { Column } from './table.ts';

type GroupBy = readonly Dimension[];

/** The reports that are rows of one cube's groups, by the name of each. */
export const GROUPED_REPORTS = {
  latency: { rows: latencyRows, columns: latencyColumns },
  cold_vs_warm: { rows: coldVsWarmRows, columns: coldVsWarmColumns },
  startup: { rows: startupRows, columns: startupColumns },
} as const satisfies Record<
  string,
  {
    readonly rows: (groups: readonly ReportGroup[], groupBy: GroupBy) => Row[];
    readonly columns: (groupBy: GroupBy) => Column[];
  }
>;

/** Which of them, and what it is made of. */
export interface GroupedPlan {
  readonly report: keyof typeof GROUPED_REPORTS;
  readonly cube: Cube;
  readonly groupBy: GroupBy;
}

/** A report's rows as the body of its answer. */
export function listJson(rows: readonly Row[]): string {
  return JSON.stringify({ object: 'list', data: rows });
}

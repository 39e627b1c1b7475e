import type { Cube, Dimension, GroupedReport, ReportGroup } from '../domain/reportFigures.ts';
import { coldVsWarmColumns, coldVsWarmRows } from './coldVsWarm.ts';
import type { Row } from './figures.ts';
import { latencyColumns, latencyRows } from './latency.ts';
import { startupColumns, startupRows } from './startup.ts';
import type { Column } from './table.ts';

type GroupBy = readonly Dimension[];

/** How each of them is made. */
export const GROUPED_REPORTS = {
  latency: { rows: latencyRows, columns: latencyColumns },
  cold_vs_warm: { rows: coldVsWarmRows, columns: coldVsWarmColumns },
  startup: { rows: startupRows, columns: startupColumns },
} as const satisfies Record<
  GroupedReport,
  {
    readonly rows: (groups: readonly ReportGroup[], groupBy: GroupBy) => Row[];
    readonly columns: (groupBy: GroupBy) => Column[];
  }
>;

/** Which of them, and what it is made of. */
export interface GroupedPlan {
  readonly report: GroupedReport;
  readonly cube: Cube;
  readonly groupBy: GroupBy;
}

/** A report's rows as the body of its answer. */
export function listJson(rows: readonly Row[]): string {
  return JSON.stringify({ object: 'list', data: rows });
}

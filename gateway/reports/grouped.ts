import type { Cube, Dimension, GroupedReport, ReportFormat, ReportGroup } from '../domain/reportFigures.ts';
import { coldVsWarmColumns, coldVsWarmRows } from './coldVsWarm.ts';
import type { Row } from './figures.ts';
import { latencyColumns, latencyRows } from './latency.ts';
import { startupColumns, startupRows } from './startup.ts';
import type { Column } from './table.ts';
import { textOf } from './text.ts';

type GroupBy = readonly Dimension[];

/** How each of them is made. */
const GROUPED_REPORTS = {
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

/** The groups as a report's rows, as the body of its answer. */
export function groupedText(
  report: GroupedReport,
  groups: readonly ReportGroup[],
  groupBy: GroupBy,
  format: ReportFormat,
): string {
  const { rows, columns } = GROUPED_REPORTS[report];
  return textOf({ rows: rows(groups, groupBy), columns: columns(groupBy) }, format);
}

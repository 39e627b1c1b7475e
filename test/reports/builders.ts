import type { MeasureStats, ReportGroup } from '../../gateway/domain/reportFigures.ts';
import type { Row } from '../../gateway/reports/figures.ts';

/** `count` durations whose median is `p50`, and the other percentiles two, three and four times that; `sum` is `p50` of each. */
export const stats = (p50: number, count = 3): MeasureStats => ({
  count,
  sum: p50 * count,
  p50,
  p90: p50 * 2,
  p95: p50 * 3,
  p99: p50 * 4,
});

export const group = (
  by: ReportGroup['by'],
  measures: ReportGroup['measures'] = {},
  counters: ReportGroup['counters'] = { answered: 3 },
): ReportGroup => ({ by, measures, counters });

/** Where the figures of a row are, which is what the columns of a table are named by (docs/reports.md). */
export function pathsOf(row: Row): string[][] {
  return Object.entries(row).flatMap(([name, figure]) =>
    typeof figure === 'object' && figure !== null ? pathsOf(figure).map((path) => [name, ...path]) : [[name]],
  );
}

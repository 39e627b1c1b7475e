import type { Dimension, ReportGroup } from '../domain/reportFigures.ts';
import { durationsOf, inOrder, labelsOf, type Row, shareOf } from './figures.ts';
import { type Column, percentileColumns } from './table.ts';

export const STARTUP_DIMENSIONS = [
  'combo',
  'base',
  'start_kind',
  'tier',
  'hour',
  'day',
] as const satisfies readonly Dimension[];

/** Parts of a start's wall time, which add up to it. */
const PHASES = ['spawn', 'stage', 'load', 'attach', 'context'] as const;
/** What happened inside and beside them; they add up to nothing. docs/starts.md. */
const DETAILS = ['staged', 'download', 'read', 'decrypt', 'verify', 'upload'] as const;

/** Where the seconds of starts go; docs/reports.md, "Starts". */
export function startupRows(groups: readonly ReportGroup[], groupBy: readonly Dimension[]): Row[] {
  return inOrder(groups, groupBy).map((group) => ({ ...labelsOf(group.by, groupBy), ...startupOf(group) }));
}

function startupOf({ counters, measures }: ReportGroup): Row {
  const whole = measures.start?.sum ?? 0;
  const phases = PHASES.flatMap((name) => {
    const stats = measures[name];
    return stats ? [[name, { share: shareOf(stats.sum, whole), ...durationsOf(stats) }] as const] : [];
  });
  const details = DETAILS.flatMap((name) =>
    measures[name] ? [[name, { ...durationsOf(measures[name]) }] as const] : [],
  );
  return {
    count: counters.answered ?? 0,
    total_ms: { ...durationsOf(measures.start) },
    phases_ms: Object.fromEntries(phases),
    detail_ms: Object.fromEntries(details),
    staged_bytes: counters.stagedBytes ?? 0,
    upload_bytes: counters.uploadBytes ?? 0,
  };
}

export function startupColumns(groupBy: readonly Dimension[]): Column[] {
  return [
    ...[...groupBy, 'count'].map((name) => [name]),
    ...percentileColumns(['total_ms'], ['count', 'sum']),
    ...PHASES.flatMap((name) => percentileColumns(['phases_ms', name], ['count', 'sum', 'share'])),
    ...DETAILS.flatMap((name) => percentileColumns(['detail_ms', name], ['count', 'sum'])),
    ['staged_bytes'],
    ['upload_bytes'],
  ];
}

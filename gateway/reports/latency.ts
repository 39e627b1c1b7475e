import { PHASES, type PhaseRecord } from '../domain/phases.ts';
import { CUBES, type Cube, type Dimension, type ReportGroup } from '../domain/reportFigures.ts';
import { inOrder, labelsOf, type Percentiles, percentilesOf, type Row } from './figures.ts';
import { type Column, percentileColumns } from './table.ts';

export const LATENCY_DIMENSIONS = [
  'combo',
  'base',
  'key',
  'endpoint',
  'start_kind',
  'joined',
  'hour',
  'day',
] as const satisfies readonly Dimension[];

/** The cube that tells all of them apart; null: none does, since times are kept by combo or by key. */
export function latencyCube(groupBy: readonly Dimension[], isOfOneCombo: boolean): Cube | null {
  if (!groupBy.includes('key')) return 'latency';
  const known: readonly Dimension[] = [...CUBES.keyLatency, 'hour', 'day'];
  return !isOfOneCombo && groupBy.every((dimension) => known.includes(dimension)) ? 'keyLatency' : null;
}

/** Requests of a group and their times; docs/reports.md, "Latency". */
export function latencyRows(groups: readonly ReportGroup[], groupBy: readonly Dimension[]): Row[] {
  return inOrder(groups, groupBy).map((group) => ({ ...labelsOf(group.by, groupBy), ...latencyOf(group) }));
}

export function latencyOf({ counters, measures }: ReportGroup): Row {
  const { answered = 0, failedByClient = 0, failedByGateway = 0, failedByRunner = 0, aborted = 0 } = counters;
  return {
    count: answered,
    failed: failedByClient + failedByGateway + failedByRunner,
    aborted,
    ttft_ms: percentilesOf(measures.ttft),
    total_ms: percentilesOf(measures.total),
    tpot_ms: percentilesOf(measures.tpot),
    phases_ms: phasesOf(measures),
  };
}

/** Of each phase that a request had: the percentiles of those that had it, and how many they are. */
function phasesOf(
  measures: ReportGroup['measures'],
): Record<string, Percentiles & { readonly count: number }> {
  const phases: Partial<Record<keyof PhaseRecord, Percentiles & { readonly count: number }>> = {};
  for (const phase of PHASES) {
    const stats = measures[phase];
    if (stats) phases[phase] = { ...percentilesOf(stats), count: stats.count };
  }
  return phases;
}

export function latencyColumns(groupBy: readonly Dimension[]): Column[] {
  return [
    ...[...groupBy, 'count', 'failed', 'aborted'].map((name) => [name]),
    ...['ttft_ms', 'total_ms', 'tpot_ms'].flatMap((name) => percentileColumns([name])),
    ...PHASES.flatMap((phase) => percentileColumns(['phases_ms', phase], ['count'])),
  ];
}

import { START_KINDS } from '../domain/phases.ts';
import type { DimensionValue, ReportGroup } from '../domain/reportFigures.ts';
import { type Figure, inOrder, type Percentiles, percentilesOf, type Row } from './figures.ts';
import { type Column, percentileColumns } from './table.ts';

export const COLD_VS_WARM_DIMENSIONS = ['combo', 'start_kind'] as const;

interface Side {
  readonly count: number;
  readonly ttft_ms: Percentiles;
  readonly total_ms: Percentiles;
}

/** One row per combo, with its kinds of a start side by side; a kind that did not occur is null. docs/reports.md. */
export function coldVsWarmRows(groups: readonly ReportGroup[]): Row[] {
  const byCombo = new Map<DimensionValue, Map<DimensionValue, Side>>();
  for (const { by, counters, measures } of inOrder(groups, COLD_VS_WARM_DIMENSIONS)) {
    const { combo = null, start_kind: kind = null } = by;
    if (combo === null || kind === null || !counters.answered) continue;
    const sides = byCombo.get(combo) ?? new Map<DimensionValue, Side>();
    byCombo.set(combo, sides);
    sides.set(kind, {
      count: counters.answered,
      ttft_ms: percentilesOf(measures.ttft),
      total_ms: percentilesOf(measures.total),
    });
  }
  return [...byCombo].map(([combo, sides]) => ({
    combo,
    ...Object.fromEntries(START_KINDS.map((kind) => [kind, figureOf(sides.get(kind))])),
    cold_to_warm: ratioOf(sides.get('cold'), sides.get('warm')),
  }));
}

function figureOf(side: Side | undefined): Figure {
  return side ? { ...side } : null;
}

/** How many times as long the first token takes, by the median. */
function ratioOf(cold: Side | undefined, warm: Side | undefined): number | null {
  if (!cold?.ttft_ms.p50 || !warm?.ttft_ms.p50) return null;
  return Number((cold.ttft_ms.p50 / warm.ttft_ms.p50).toPrecision(4));
}

export function coldVsWarmColumns(): Column[] {
  return [
    ['combo'],
    ...START_KINDS.flatMap((kind) => [
      [kind, 'count'],
      ...percentileColumns([kind, 'ttft_ms']),
      ...percentileColumns([kind, 'total_ms']),
    ]),
    ['cold_to_warm'],
  ];
}

import { START_KINDS } from '../domain/phases.ts';
import type { Dimension, DimensionValue, MeasureStats, ReportGroup } from '../domain/reportFigures.ts';

export const PERCENTILES = ['p50', 'p90', 'p95', 'p99'] as const;

/** Milliseconds; null: nothing was measured. */
export type Percentiles = Readonly<Record<(typeof PERCENTILES)[number], number | null>>;

/** Of a set of durations: how many they are, and their sum in milliseconds. */
export interface Durations extends Percentiles {
  readonly count: number;
  readonly sum: number;
}

/** A value of a row, or more of them under names. */
export type Figure = string | number | boolean | null | { readonly [name: string]: Figure };
export type Row = Readonly<Record<string, Figure>>;

/** The powers of ten that four digits of a nanosecond to a month of milliseconds take. */
const TENS = Array.from({ length: 13 }, (_, power) => Number(`1e${power}`));

/**
 * Four digits: a percentile is not known better than to 0.5%. By arithmetic, which takes a fraction of the time of `toPrecision(4)`: a
 * report by combo and day has a quarter of a million of them, all in one turn of the event loop.
 */
function rounded(ms: number): number {
  const power = 3 - Math.floor(Math.log10(ms));
  const ten = TENS[Math.abs(power)];
  if (ten === undefined) return Number(ms.toPrecision(4));
  return power >= 0 ? Math.round(ms * ten) / ten : Math.round(ms / ten) * ten;
}

export function percentilesOf(stats: MeasureStats | undefined): Percentiles {
  const of = (p: keyof Percentiles) => (stats ? rounded(stats[p]) : null);
  return { p50: of('p50'), p90: of('p90'), p95: of('p95'), p99: of('p99') };
}

export function durationsOf(stats: MeasureStats | undefined): Durations {
  const sum = Math.round((stats?.sum ?? 0) * 1000) / 1000;
  return { count: stats?.count ?? 0, sum, ...percentilesOf(stats) };
}

/** A share of one to four places; null of nothing. */
export function shareOf(part: number, whole: number): number | null {
  return whole > 0 ? Math.round((part / whole) * 10_000) / 10_000 : null;
}

/** What tells a row from the others, in the order that was asked for: times as ISO 8601, `day` as a date. */
export function labelsOf(by: ReportGroup['by'], groupBy: readonly Dimension[]): Row {
  return Object.fromEntries(groupBy.map((dimension) => [dimension, labelOf(dimension, by[dimension])]));
}

function labelOf(dimension: Dimension, value: DimensionValue | undefined): string | number | boolean | null {
  if (typeof value !== 'number') return value ?? null;
  const text = new Date(value).toISOString();
  return dimension === 'day' ? text.slice(0, 10) : text.replace('.000Z', 'Z');
}

/**
 * By the labels, the first one first: texts by their code units, kinds of a start from the fastest, times from the oldest;
 * null last.
 */
export function inOrder<G extends Pick<ReportGroup, 'by'>>(
  groups: readonly G[],
  groupBy: readonly Dimension[],
): G[] {
  return groups.toSorted((a, b) => {
    for (const dimension of groupBy) {
      const order = compare(dimension, a.by[dimension] ?? null, b.by[dimension] ?? null);
      if (order !== 0) return order;
    }
    return 0;
  });
}

function compare(dimension: Dimension, a: DimensionValue, b: DimensionValue): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  if (dimension === 'start_kind') return rankOf(a) - rankOf(b);
  return a < b ? -1 : 1;
}

function rankOf(kind: DimensionValue): number {
  return (START_KINDS as readonly unknown[]).indexOf(kind);
}

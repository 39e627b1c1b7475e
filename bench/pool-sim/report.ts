import type { Outcome } from '../../gateway/reports/replay/tally.ts';

/** An outcome beside the bound of what it served. */
export interface Measured extends Outcome {
  readonly boundMs: number;
  readonly wallMs: number;
}

type Cell = readonly [header: string, of: (outcome: Measured) => string];

const seconds = (ms: number): string => (ms / 1000).toFixed(ms < 99_950 ? 2 : 0);
const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);

const COLUMNS: readonly Cell[] = [
  ['policy', ({ policy }) => policy],
  ['reload s', ({ reloadMs }) => seconds(reloadMs)],
  ['bound s', ({ boundMs }) => seconds(boundMs)],
  ['mean wait s', ({ meanWaitMs }) => seconds(meanWaitMs)],
  ['p50', ({ p50WaitMs }) => seconds(p50WaitMs)],
  ['p99', ({ p99WaitMs }) => seconds(p99WaitMs)],
  ['warm', ({ begun }) => String(begun.warm)],
  ['attach', ({ begun }) => String(begun.attach)],
  ['cold', ({ begun }) => String(begun.cold)],
  ['joined', ({ joined }) => String(joined)],
  ['starts/request', (one) => ((one.loads + one.attaches) / one.requests).toFixed(3)],
  ['loads', ({ loads }) => String(loads)],
  ['evicted', ({ evictedBases }) => String(evictedBases)],
  ['detached', ({ detachedCombos }) => String(detachedCombos)],
  ['refused', ({ refusals }) => String(refusals)],
  ['mean GB', ({ meanBytes }) => gigabytes(meanBytes)],
  ['peak GB', ({ peakBytes }) => gigabytes(peakBytes)],
  ['run s', ({ wallMs }) => seconds(wallMs)],
  ['us/decide', ({ wallMs, decides }) => ((wallMs * 1000) / decides).toFixed(1)],
];

/** A table in Markdown, padded so that it reads as text, too. */
export function tableOf(outcomes: readonly Measured[]): string {
  const rows = [
    COLUMNS.map(([header]) => header),
    ...outcomes.map((one) => COLUMNS.map(([, of]) => of(one))),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map(
    (row) => `| ${row.map((text, column) => pad(text, widths[column] ?? 0, column)).join(' | ')} |`,
  );
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [lines[0], rule, ...lines.slice(1)].join('\n');
}

function pad(text: string, width: number, column: number): string {
  return column === 0 ? text.padEnd(width) : text.padStart(width);
}

import type { Catalogue } from '../../domain/catalogue.ts';
import { modelId } from '../../domain/ids.ts';
import type { Row } from '../../reports/figures.ts';
import { cellsOf } from '../../reports/table.ts';
import type { EvictionRow, KeepWarm, KeepWarmCombo, KeepWarmPoint } from './data.ts';
import { groupBy } from './figures/groupBy.ts';

/** From rows of reports, as the admin API has them, to what the pages show. */

export function evictionRowOf(row: Row): EvictionRow {
  return {
    what: textAt(row, 'what'),
    name: textAt(row, 'name'),
    evictions: numberAt(row, 'evictions') ?? 0,
    evictedBytes: numberAt(row, 'evicted_bytes') ?? 0,
    reloads: numberAt(row, 'reloads'),
    reloadMs: numberAt(row, 'reload_ms'),
    reloadBytes: numberAt(row, 'reload_bytes'),
  };
}

/** Of the rows of the keep-warm report; docs/keepwarm.md says what each figure is. */
export function keepWarmOf(
  rows: readonly Row[],
  catalogue: Catalogue,
): Pick<KeepWarm, 'replayed' | 'combos'> {
  const [first = {}] = rows;
  const combos = [...groupBy(rows, (row) => textAt(row, 'combo'))].map(([combo, all]) =>
    comboOf(combo, all, catalogue),
  );
  return {
    replayed: {
      requests: numberAt(first, 'replayed', 'requests') ?? 0,
      found: numberAt(first, 'replayed', 'found') ?? 0,
      leftOut: numberAt(first, 'replayed', 'left_out') ?? 0,
      hours: numberAt(first, 'replayed', 'hours') ?? 0,
    },
    combos: combos.toSorted(
      (a, b) =>
        b.startMicroUsd - a.startMicroUsd || b.coldStarts - a.coldStarts || (a.combo < b.combo ? -1 : 1),
    ),
  };
}

function comboOf(combo: string, rows: readonly Row[], catalogue: Catalogue): KeepWarmCombo {
  const [first = {}] = rows;
  const base = combo.split('+')[0] ?? combo;
  return {
    combo,
    requests: numberAt(first, 'recorded', 'requests') ?? 0,
    coldStarts: numberAt(first, 'recorded', 'cold_starts') ?? 0,
    waitedMs: (numberAt(first, 'recorded', 'waited_s') ?? 0) * 1000,
    startMicroUsd: numberAt(first, 'recorded', 'start_micro_usd') ?? 0,
    bytes: (numberAt(first, 'keep_warm', 'gb') ?? 0) * 1e9,
    hourMicroUsd: numberAt(first, 'keep_warm', 'micro_usd_per_hour'),
    breakEvenPerHour: numberAt(first, 'keep_warm', 'break_even_starts_per_hour'),
    setTtlMs: catalogue.models.get(modelId(base))?.idleTtlMs,
    points: rows.map(pointOf),
  };
}

function pointOf(row: Row): KeepWarmPoint {
  const ttlS = numberAt(row, 'ttl_s');
  return {
    ttlMs: ttlS === null ? null : ttlS * 1000,
    isBest: row['is_best'] === true,
    coldStarts: numberAt(row, 'cold_starts') ?? 0,
    waitedMs: (numberAt(row, 'waited_s') ?? 0) * 1000,
    gbHours: numberAt(row, 'warm_gb_hours') ?? 0,
    memoryMicroUsd: numberAt(row, 'memory_micro_usd') ?? 0,
    startMicroUsd: numberAt(row, 'start_micro_usd') ?? 0,
    waitMicroUsd: numberAt(row, 'wait_micro_usd') ?? 0,
    costMicroUsd: numberAt(row, 'cost_micro_usd') ?? 0,
    refused: numberAt(row, 'refused') ?? 0,
  };
}

function numberAt(row: Row, ...path: readonly string[]): number | null {
  const [value] = cellsOf(row, [path]);
  return typeof value === 'number' ? value : null;
}

function textAt(row: Row, name: string): string {
  const value = row[name];
  return typeof value === 'string' ? value : '';
}

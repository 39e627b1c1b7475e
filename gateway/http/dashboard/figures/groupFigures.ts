import type { ApiKey } from '../../../domain/apiKey.ts';
import { PHASES, type PhaseRecord, START_KINDS, type StartKind } from '../../../domain/phases.ts';
import type { CorrectionSum, MeasureStats, ReportGroup } from '../../../domain/reportFigures.ts';
import type { KindLatency, LatencyBucket, Percentiles, SpendRow } from '../data.ts';
import { groupBy } from './groupBy.ts';

/** From what the books' reports say to what the pages show. */

/** Of groups by `unit` and start kind, the oldest first. */
export function bucketsOf(groups: readonly ReportGroup[], unit: 'hour' | 'day'): LatencyBucket[] {
  return [...groupBy(groups, ({ by }) => Number(by[unit]))]
    .toSorted(([a], [b]) => a - b)
    .map(([fromEpochMs, all]) => ({ fromEpochMs, kinds: kindsOf(all) }))
    .filter(({ kinds }) => Object.keys(kinds).length > 0);
}

/** Times to the first token by start kind; those that no request had are absent. */
export function kindsOf(groups: readonly ReportGroup[]): LatencyBucket['kinds'] {
  const kinds: Partial<Record<StartKind, Percentiles>> = {};
  for (const kind of START_KINDS) {
    const stats = groups.find(({ by }) => by.start_kind === kind)?.measures.ttft;
    if (stats) kinds[kind] = percentilesOf(stats);
  }
  return kinds;
}

/** Of groups by start kind and `joined`, from the fastest kind to the slowest. */
export function kindLatenciesOf(groups: readonly ReportGroup[]): KindLatency[] {
  return START_KINDS.flatMap((kind) =>
    [false, true].flatMap((joined) => {
      const group = groups.find(({ by }) => by.start_kind === kind && by.joined === joined);
      const ttft = group?.measures.ttft;
      return ttft ? [{ kind, joined, ttft: percentilesOf(ttft), phasesMs: meanPhases(group) }] : [];
    }),
  );
}

function percentilesOf({ count, p50, p95 }: MeasureStats): Percentiles {
  return { count, p50Ms: p50, p95Ms: p95 };
}

/** Over all answered requests; one that did not need a phase counts as zero. */
function meanPhases({ counters, measures }: ReportGroup): PhaseRecord {
  const means: PhaseRecord = {};
  for (const phase of PHASES) {
    const stats = measures[phase];
    if (stats) means[phase] = stats.sum / (counters.answered ?? stats.count);
  }
  return means;
}

/** Of groups by key and base, with what was corrected; the dearest first. */
export function spendRowsOf(
  groups: readonly ReportGroup[],
  corrections: readonly CorrectionSum[],
  keys: readonly ApiKey[],
): SpendRow[] {
  const names = new Map<string, ApiKey>(keys.map((key) => [key.id, key]));
  const rows = [...groups.map(usedBy), ...corrections.map(correctedFor)];
  const merged = groupBy(
    rows.filter(({ model }) => model !== null),
    ({ key, model }) => JSON.stringify([key, model]),
  );
  return [...merged.values()]
    .map((all) => rowOf(all, names))
    .toSorted((a, b) => b.costMicroUsd - a.costMicroUsd || b.requests - a.requests);
}

type Used = Omit<SpendRow, 'key' | 'model'> & { readonly key: string | null; readonly model: string | null };

function usedBy({ by, counters }: ReportGroup): Used {
  const { answered = 0, failedByClient = 0, failedByGateway = 0, failedByRunner = 0, aborted = 0 } = counters;
  return {
    key: textOf(by.key),
    model: textOf(by.base),
    requests: answered + failedByClient + failedByGateway + failedByRunner + aborted,
    inputTokens: counters.promptTokens ?? 0,
    cachedTokens: counters.cachedTokens ?? 0,
    outputTokens: counters.completionTokens ?? 0,
    costMicroUsd: counters.costMicroUsd ?? 0,
  };
}

function correctedFor(sum: CorrectionSum): Used {
  return {
    key: sum.key,
    model: sum.base,
    requests: 0,
    inputTokens: sum.promptTokens,
    cachedTokens: sum.cachedTokens,
    outputTokens: sum.completionTokens,
    costMicroUsd: sum.costMicroUsd,
  };
}

function rowOf(all: readonly Used[], names: ReadonlyMap<string, ApiKey>): SpendRow {
  const sum = (value: (row: Used) => number): number => all.reduce((total, row) => total + value(row), 0);
  const id = all[0]?.key ?? null;
  return {
    key: id === null ? null : { id, name: names.get(id)?.name ?? id },
    model: all[0]?.model ?? '',
    requests: sum(({ requests }) => requests),
    inputTokens: sum(({ inputTokens }) => inputTokens),
    cachedTokens: sum(({ cachedTokens }) => cachedTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    costMicroUsd: sum(({ costMicroUsd }) => costMicroUsd),
  };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

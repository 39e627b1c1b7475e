import { PHASES, type PhaseRecord, START_KINDS, type StartKind } from '../../../domain/phases.ts';
import type { RequestRecord } from '../../../domain/requestRecord.ts';
import type { KindLatency, LatencyBucket, Percentiles } from '../data.ts';
import { groupBy } from './groupBy.ts';

/** Requests that were answered and whose first token was seen. */
type Answered = RequestRecord & { readonly ttftMs: number };

function answered(records: readonly RequestRecord[]): Answered[] {
  return records.filter((one): one is Answered => one.ttftMs !== null && one.errorCode === null);
}

/** By the time of their arrival, the oldest first; without those that have no request. */
export function latencyBuckets(records: readonly RequestRecord[], bucketMs: number): LatencyBucket[] {
  const buckets = groupBy(answered(records), (one) => Math.floor(one.arrivedAtEpochMs / bucketMs));
  return [...buckets]
    .toSorted(([a], [b]) => a - b)
    .map(([index, all]) => ({ fromEpochMs: index * bucketMs, kinds: byKind(all) }));
}

function byKind(records: readonly Answered[]): LatencyBucket['kinds'] {
  const kinds: Partial<Record<StartKind, Percentiles>> = {};
  for (const kind of START_KINDS) {
    const ttft = percentiles(records.filter(({ startKind }) => startKind === kind));
    if (ttft !== null) kinds[kind] = ttft;
  }
  return kinds;
}

/** Start kinds from the fastest to the slowest, those who joined a start apart from those who began it. */
export function kindLatencies(records: readonly RequestRecord[]): KindLatency[] {
  const all = answered(records);
  return START_KINDS.flatMap((kind) =>
    [false, true].flatMap((joined) => {
      const those = all.filter((one) => one.startKind === kind && one.joined === joined);
      const ttft = percentiles(those);
      return ttft === null ? [] : [{ kind, joined, ttft, phasesMs: meanPhases(those) }];
    }),
  );
}

/** The value at `floor(p * (count - 1))` of all in order. */
export function percentiles(records: readonly Answered[]): Percentiles | null {
  const values = records.map(({ ttftMs }) => ttftMs).toSorted((a, b) => a - b);
  const at = (p: number): number => values[Math.floor(p * (values.length - 1))] ?? 0;
  return values.length === 0 ? null : { count: values.length, p50Ms: at(0.5), p95Ms: at(0.95) };
}

/** Over all requests; one that did not need a phase counts as zero. */
function meanPhases(records: readonly RequestRecord[]): PhaseRecord {
  const means: PhaseRecord = {};
  for (const phase of PHASES) {
    const sum = records.reduce((total, { phasesMs }) => total + (phasesMs[phase] ?? 0), 0);
    if (sum > 0) means[phase] = sum / records.length;
  }
  return means;
}

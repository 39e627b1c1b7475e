import { START_KINDS, type StartKind } from '../../../domain/phases.ts';
import type { RequestRecord } from '../../../domain/requestRecord.ts';
import type { LatencyBucket, Percentiles } from '../data.ts';
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

/** The value at `floor(p * (count - 1))` of all in order. */
function percentiles(records: readonly Answered[]): Percentiles | null {
  const values = records.map(({ ttftMs }) => ttftMs).toSorted((a, b) => a - b);
  const at = (p: number): number => values[Math.floor(p * (values.length - 1))] ?? 0;
  return values.length === 0 ? null : { count: values.length, p50Ms: at(0.5), p95Ms: at(0.95) };
}

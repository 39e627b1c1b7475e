/** The phases of a request, in their order. A partition of its wall time; DESIGN.md. */
export const PHASES = ['queue', 'spawn', 'stage', 'load', 'attach', 'context', 'prefill', 'decode'] as const;
export type Phase = (typeof PHASES)[number];

/** Milliseconds by phase; what was not needed is absent. */
export type PhaseRecord = Partial<Record<Phase, number>>;

export interface MonoInterval {
  readonly startMonoMs: number;
  readonly endMonoMs: number;
}

/** A start's phase on the monotonic clock. `endMonoMs` is open while it runs. */
export interface PhaseInterval extends MonoInterval {
  readonly phase: 'spawn' | 'stage' | 'load' | 'attach' | 'context';
}

/** From the fastest to the slowest way a request finds its combo. */
export const START_KINDS = ['warm', 'attach', 'wake', 'staged', 'cold'] as const;
export type StartKind = (typeof START_KINDS)[number];

/** A nanosecond: what is left below it is the rounding of floats and no wait. */
const ROUNDING_MS = 1e-6;

/**
 * Splits a wait into phases: what overlaps an interval of the start is that phase, the rest is `queue`.
 * The intervals do not overlap one another. Sums to `toMonoMs - fromMonoMs` but for rounding of floats.
 */
export function partitionWait(
  fromMonoMs: number,
  toMonoMs: number,
  intervals: readonly PhaseInterval[],
): PhaseRecord {
  const record: PhaseRecord = {};
  let covered = 0;
  for (const interval of intervals) {
    const overlap = Math.min(toMonoMs, interval.endMonoMs) - Math.max(fromMonoMs, interval.startMonoMs);
    if (overlap <= 0) continue;
    record[interval.phase] = (record[interval.phase] ?? 0) + overlap;
    covered += overlap;
  }
  const queue = toMonoMs - fromMonoMs - covered;
  if (queue > ROUNDING_MS) record.queue = queue;
  return record;
}

/** One piece of a request's wall time, in milliseconds from its arrival. */
export interface PhaseSpan {
  readonly phase: Phase;
  readonly startMs: number;
  readonly endMs: number;
}

/** The same wait in pieces, in their order: they follow one another without a gap, and add up to `partitionWait`. */
export function splitWait(
  fromMonoMs: number,
  toMonoMs: number,
  intervals: readonly PhaseInterval[],
): PhaseSpan[] {
  const spans: PhaseSpan[] = [];
  let reachedMonoMs = fromMonoMs;
  const add = (phase: Phase, untilMonoMs: number) => {
    if (untilMonoMs - reachedMonoMs <= ROUNDING_MS) return;
    spans.push({ phase, startMs: reachedMonoMs - fromMonoMs, endMs: untilMonoMs - fromMonoMs });
    reachedMonoMs = untilMonoMs;
  };
  for (const { phase, startMonoMs, endMonoMs } of intervals.toSorted(
    (a, b) => a.startMonoMs - b.startMonoMs,
  )) {
    const untilMonoMs = Math.min(toMonoMs, endMonoMs);
    if (untilMonoMs <= reachedMonoMs) continue;
    add('queue', Math.min(startMonoMs, toMonoMs));
    add(phase, untilMonoMs);
  }
  add('queue', toMonoMs);
  return spans;
}

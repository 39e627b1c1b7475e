import type { Slo, SloCounts } from '../domain/slo.ts';

/** A span of arrivals, in epoch milliseconds. */
export interface SloSpan {
  readonly fromEpochMs: number;
  readonly toEpochMs: number;
}

/** What an objective counts over each of the spans that were asked for, in their order. */
export interface CountedSlo {
  readonly spans: readonly SloCounts[];
  /** false: older requests are still being counted, as after the objective was made. */
  readonly isComplete: boolean;
}

/** Counts of good and bad requests, kept by the minute. A request is among them as soon as it is on disk. */
export interface SloCountsReads {
  /** `fromEpochMs` counts from the minute that it is in, what is older than MINUTES_KEPT_MS from its hour; `toEpochMs` to the end of its minute. */
  counts(slos: readonly Slo[], spans: readonly SloSpan[]): Promise<readonly CountedSlo[]>;
}

import type { PhaseRecord, StartKind } from '../../domain/phases.ts';
import type { RequestRecord } from '../../domain/requestRecord.ts';
import type { BudgetView } from '../../shell/budgetViews.ts';
import type { PinView } from '../../shell/pinControl.ts';
import type { ComboView, RunnerView } from '../../shell/poolControl.ts';
import type { SegmentView } from '../../shell/weights/segmentViews.ts';
import type { Start } from './figures/startBoard.ts';

/** What the pages show, whoever knows it. Times in milliseconds, amounts in micro-USD. */
export interface DashboardData {
  overview(): Promise<Overview>;
  latency(range: Range): Promise<Latency>;
  spend(range: Range): Promise<Spend>;
  /** null: this gateway has no objectives. */
  objectives(): Promise<readonly Objective[] | null>;
}

export interface Overview {
  readonly runners: readonly RunnerView[];
  readonly combos: readonly ComboView[];
  readonly budgets: readonly BudgetView[];
  readonly segments: readonly SegmentView[];
  readonly pins: readonly PinView[];
  readonly waiting: number;
  /** The newest first. */
  readonly starts: readonly Start[];
  /** The newest arrivals first. */
  readonly requests: readonly RequestRecord[];
  /** Why requests cannot be served now; null: they can. */
  readonly notReadyReason: string | null;
}

export const RANGES = ['1h', '24h', '7d', '30d'] as const;
export type Range = (typeof RANGES)[number];

export interface Percentiles {
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

/** Time to the first token of answered requests. */
export interface Latency {
  readonly fromEpochMs: number;
  readonly toEpochMs: number;
  /** In the order of time, without those that no request falls into. */
  readonly buckets: readonly LatencyBucket[];
  readonly kinds: readonly KindLatency[];
  readonly coverage: Coverage;
}

export interface LatencyBucket {
  readonly fromEpochMs: number;
  /** Those that no request had are absent. */
  readonly kinds: Readonly<Partial<Record<StartKind, Percentiles>>>;
}

export interface KindLatency {
  readonly kind: StartKind;
  readonly joined: boolean;
  readonly ttft: Percentiles;
  /** Means. */
  readonly phasesMs: PhaseRecord;
}

/** With what was corrected. */
export interface Spend {
  readonly rows: readonly SpendRow[];
  readonly coverage: Coverage;
}

export interface SpendRow {
  /** null: no key was asked for. */
  readonly key: { readonly id: string; readonly name: string } | null;
  readonly model: string;
  readonly requests: number;
  readonly inputTokens: number;
  /** Part of the input. */
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly costMicroUsd: number;
}

/** How much of a range was looked at. */
export interface Coverage {
  readonly requests: number;
  /** Older ones of the range were left out. */
  readonly isCut: boolean;
}

/** A service level objective and how it stands. */
export interface Objective {
  readonly id: string;
  /** A model or combo; null: all. */
  readonly of: string | null;
  readonly promise: string;
  /** Share of requests that have to be good, 0 to 1. */
  readonly target: number;
  readonly state: string;
  /** Requests that waited for a start count. Both shares are shown either way. */
  readonly countsStarts: boolean;
  /** Share of good ones; null: there was none. */
  readonly keptWithStarts: number | null;
  readonly keptWithoutStarts: number | null;
  /** Of those that count. */
  readonly good: number;
  readonly total: number;
  /** Share of the error budget that is left; negative: overspent. */
  readonly budgetLeft: number;
  /** How many times as fast as the even pace the budget is spent. */
  readonly burnRates: readonly { readonly window: string; readonly rate: number }[];
}

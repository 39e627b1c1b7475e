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
  latency(span: Span): Promise<Latency>;
  startup(span: Span): Promise<Startup>;
  /** The most costly ones first. */
  evictions(span: Span): Promise<readonly EvictionRow[]>;
  /** null: there are more keys and models than can be added up. */
  spend(span: Span): Promise<Spend | null>;
  /** Those that are nearest to the end of their budget first, then those without one. */
  keyBudgets(): readonly KeyBudgetRow[];
  objectives(): Promise<readonly Objective[]>;
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

/** The time that a page is about: requests that arrived at `fromEpochMs` or later, and before `toEpochMs`. */
export interface Span {
  /** null: its ends were asked for. */
  readonly range: Range | null;
  readonly fromEpochMs: number;
  /** Of a range the present moment. */
  readonly toEpochMs: number;
}

export interface Percentiles {
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

/** Time to the first token of answered requests. */
export interface Latency {
  /** In the order of time, without those that no request falls into. */
  readonly buckets: readonly LatencyBucket[];
  readonly kinds: readonly KindLatency[];
  readonly sides: SideBySide;
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

/** Cold against warm of each combo; of each base where there are more combos than a report may have. */
export interface SideBySide {
  readonly of: 'combo' | 'base';
  /** Those with the most requests first. */
  readonly rows: readonly SideRow[];
}

export interface SideRow {
  readonly name: string;
  readonly count: number;
  /** Those that no request had are absent. */
  readonly kinds: LatencyBucket['kinds'];
  /** Ratio of the medians; null: one of them is missing. */
  readonly coldToWarm: number | null;
}

/** Where the seconds of starts went; each start once. */
export interface Startup {
  /** From the fastest kind to the slowest. */
  readonly byKind: readonly StartGroup[];
  /** What took the most time first. null: more than a report may have. */
  readonly byBase: readonly StartGroup[] | null;
}

export interface StartGroup {
  /** null: it was not asked for, or is not known. */
  readonly base: string | null;
  readonly kind: StartKind;
  /** Where weights came from; null: not asked for, not known, or nothing was read. */
  readonly tier: string | null;
  readonly count: number;
  readonly sumMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** Sums, which add up to `sumMs`. */
  readonly phasesMs: PhaseRecord;
  /** Sums of what happened inside and beside the phases; they add up to nothing. */
  readonly details: readonly { readonly name: string; readonly sumMs: number }[];
  readonly stagedBytes: number;
  readonly uploadBytes: number;
}

/** What gave way for want of room, and what it took to get it back. */
export interface EvictionRow {
  readonly what: string;
  readonly name: string;
  readonly evictions: number;
  readonly evictedBytes: number;
  /** null of segments: nobody knows. */
  readonly reloads: number | null;
  readonly reloadMs: number | null;
  readonly reloadBytes: number | null;
}

/** What keeping combos warm costs, worked out by a replay. */
export interface KeepWarm {
  readonly fromEpochMs: number;
  readonly toEpochMs: number;
  readonly doneAtEpochMs: number;
  readonly tookMs: number;
  readonly replayed: {
    readonly requests: number;
    /** Requests of that time; the newest ones are replayed. */
    readonly found: number;
    /** Of bases that are not in the catalogue any more. */
    readonly leftOut: number;
    readonly hours: number;
  };
  /** Whose starts were the dearest first. */
  readonly combos: readonly KeepWarmCombo[];
}

export interface KeepWarmCombo {
  readonly combo: string;
  /** As the ledger has it. */
  readonly requests: number;
  readonly coldStarts: number;
  readonly waitedMs: number;
  readonly startMicroUsd: number;
  readonly bytes: number;
  /** Of holding it; null: memory has no price. */
  readonly hourMicroUsd: number | null;
  /** As many starts an hour cost as much as holding it; null: memory or starts have no price. */
  readonly breakEvenPerHour: number | null;
  /** The catalogue's; null: never let go by idleness, undefined: not in the catalogue. */
  readonly setTtlMs: number | null | undefined;
  /** From the shortest. */
  readonly points: readonly KeepWarmPoint[];
}

export interface KeepWarmPoint {
  /** null: never let go by idleness. */
  readonly ttlMs: number | null;
  readonly isBest: boolean;
  readonly coldStarts: number;
  readonly waitedMs: number;
  readonly gbHours: number;
  readonly memoryMicroUsd: number;
  readonly startMicroUsd: number;
  readonly waitMicroUsd: number;
  readonly costMicroUsd: number;
  readonly refused: number;
}

/** How far a replay is that somebody asked for. */
export type KeepWarmState =
  | { readonly state: 'none' }
  | { readonly state: 'working' }
  | { readonly state: 'failed'; readonly message: string }
  | { readonly state: 'done'; readonly result: KeepWarm };

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

export interface KeyBudgetRow {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  /** The one that its budget is for; the month without a budget. */
  readonly period: 'day' | 'month';
  readonly softMicroUsd: number | null;
  /** null: no limit. */
  readonly hardMicroUsd: number | null;
  /** In the period that runs. */
  readonly usedMicroUsd: number;
  /** What running requests may still cost. */
  readonly reservedMicroUsd: number;
  readonly leftMicroUsd: number | null;
  readonly isSoftPassed: boolean;
  readonly isUsedUp: boolean;
  readonly resetsAtEpochMs: number;
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
  /** false: older requests are still being counted. */
  readonly isComplete: boolean;
  /** Share of the error budget that is left; negative: overspent. */
  readonly budgetLeft: number;
  /** How many times as fast as the even pace the budget is spent. */
  readonly burnRates: readonly { readonly window: string; readonly rate: number }[];
}

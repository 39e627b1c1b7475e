import type { Cost } from './cost.ts';
import type { Phase } from './phases.ts';

/**
 * What reports can be told apart by. `hour` and `day` are UTC, by the arrival; `key` is the id of an API key, `tier` where the
 * weights of a start came from.
 */
export type Dimension =
  | 'combo'
  | 'base'
  | 'key'
  | 'endpoint'
  | 'start_kind'
  | 'joined'
  | 'tier'
  | 'hour'
  | 'day';

/** What is distributed, in milliseconds: gateway/domain/requestRecord.ts and startDetail.ts. `start` is a start's whole time. */
export type Measure =
  | Phase
  | 'ttft'
  | 'tpot'
  | 'total'
  | 'start'
  | 'staged'
  | 'download'
  | 'read'
  | 'decrypt'
  | 'verify'
  | 'upload';

export type Counter =
  | 'answered'
  | 'failedByClient'
  | 'failedByGateway'
  | 'failedByRunner'
  | 'aborted'
  | 'promptTokens'
  | 'cachedTokens'
  | 'completionTokens'
  | 'responseBytes'
  | 'costMicroUsd'
  | 'stagedBytes'
  | 'uploadBytes'
  | CostPart;

/** What an amount is made of: gateway/domain/cost.ts. */
export type CostPart = Exclude<keyof Cost, 'totalMicroUsd'>;

/**
 * The cubes that are kept. `latency` and `keyLatency` have times of answered requests, the one by combo and the other by key;
 * `starts` has times of starts, once each, by who began them; `usage` has sums of all requests by key and combo.
 */
export const CUBES = {
  latency: ['combo', 'base', 'endpoint', 'start_kind', 'joined'],
  keyLatency: ['key', 'endpoint', 'start_kind', 'joined'],
  starts: ['combo', 'base', 'start_kind', 'tier'],
  usage: ['key', 'combo', 'base'],
} as const satisfies Record<string, readonly Dimension[]>;
export type Cube = keyof typeof CUBES;

/** The reports that are rows of one cube's groups. */
export type GroupedReport = 'latency' | 'cold_vs_warm' | 'startup';
export type ReportFormat = 'json' | 'csv';

/** Of requests that arrived at `fromEpochMs` or later and before `toEpochMs` (null: until now). */
export interface ReportRange {
  readonly fromEpochMs: number;
  readonly toEpochMs: number | null;
}

export interface GroupQuery extends ReportRange {
  readonly cube: Cube;
  /** Canonical name; null: all of them. Of a cube that tells combos apart. */
  readonly combo: string | null;
  /** Of the cube, and `hour` and `day`. */
  readonly groupBy: readonly Dimension[];
}

/** `hour` and `day` in epoch milliseconds. null: not known, as the combo of a request that was refused. */
export type DimensionValue = string | number | boolean | null;

/** A sketch's percentiles are within 0.5% of the value at `floor(p * (count - 1))` of all values in order. */
export interface MeasureStats {
  readonly count: number;
  /** Milliseconds. */
  readonly sum: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
}

export interface ReportGroup {
  readonly by: Readonly<Partial<Record<Dimension, DimensionValue>>>;
  /** What is 0 may be absent. */
  readonly counters: Readonly<Partial<Record<Counter, number>>>;
  /** A measure that no request had is absent. */
  readonly measures: Readonly<Partial<Record<Measure, MeasureStats>>>;
}

/** What corrections add to requests that arrived in a range; negative where less was used. */
export interface CorrectionSum {
  readonly key: string | null;
  readonly combo: string | null;
  readonly base: string | null;
  /** Midnight of the request's arrival, UTC. */
  readonly dayEpochMs: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly costMicroUsd: number;
}

/** Something gave way for want of room. */
export interface Eviction {
  readonly atEpochMs: number;
  readonly what: 'base' | 'combo' | 'segment';
  /** A base's id, a combo's name, or a segment's key. */
  readonly name: string;
  readonly bytes: number;
}

/** A start by the request that began it. */
export interface OwnStart {
  readonly arrivedAtEpochMs: number;
  readonly combo: string;
  readonly base: string | null;
  readonly kind: string;
  readonly tookMs: number;
  readonly stagedBytes: number;
  readonly uploadBytes: number;
}

/** How far the roll-ups are; rows of the ledger before that row, by rowid, are in them, it itself too. */
export interface RolledUpTo {
  readonly requestId: string;
  readonly arrivedAtEpochMs: number;
  /** Rows that have arrived before are needed only for parts of an hour at the ends of a report. */
  readonly minutesFromEpochMs: number;
}

/** Most groups of one report. */
export const MOST_GROUPS = 10_000;

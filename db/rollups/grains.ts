/** From the finest. Buckets begin at whole multiples of the length since the epoch, which is UTC. */
export const GRAINS = ['minute', 'hour', 'day'] as const;
export type Grain = (typeof GRAINS)[number];

export const GRAIN_MS: Readonly<Record<Grain, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

/** Hours and days that are over are also kept added up. These begin at whole multiples too: a week on a Thursday. */
export const SUMS = {
  quarter: { of: 'hour', lengthMs: 6 * GRAIN_MS.hour },
  week: { of: 'day', lengthMs: 7 * GRAIN_MS.day },
} as const;
export type SumGrain = keyof typeof SUMS;

export function startOf(epochMs: number, grain: SumGrain): number {
  const { lengthMs } = SUMS[grain];
  return Math.floor(epochMs / lengthMs) * lengthMs;
}

/** How long the finer ones are kept; days are kept for good. */
export const KEPT_MS = { minute: 3 * GRAIN_MS.day, hour: 92 * GRAIN_MS.day } as const;

/** Since when there are minutes and hours; what is before has been dropped, or was never made. */
export interface Kept {
  readonly minutesFromEpochMs: number;
  readonly hoursFromEpochMs: number;
}

/** What there is to read from. */
export interface Readable extends Kept {
  /** What of them ends by then is there, as long as its summands are kept. */
  readonly sumsToEpochMs: Readonly<Record<SumGrain, number>>;
}

/** A part of a range, to be read of the buckets of one grain that begin in it, or of the ledger's rows. */
export interface Piece {
  readonly of: Grain | SumGrain | 'rows';
  readonly fromEpochMs: number;
  /** Infinity: without end. */
  readonly toEpochMs: number;
}

export function bucketOf(epochMs: number, grain: Grain): number {
  return Math.floor(epochMs / GRAIN_MS[grain]) * GRAIN_MS[grain];
}

/**
 * Covers `[fromEpochMs, toEpochMs)` by whole buckets, the coarsest first, which is `coarsest`; what is left over at the ends
 * is read of the next finer grain, and at last of rows. The pieces do not overlap.
 */
export function piecesOf(
  fromEpochMs: number,
  toEpochMs: number,
  kept: Readable,
  coarsest: 'hour' | 'day' | 'week',
): Piece[] {
  const { hoursFromEpochMs: hours, minutesFromEpochMs: minute, sumsToEpochMs } = kept;
  const since = { minute, hour: hours, quarter: hours, day: -Infinity, week: -Infinity };
  const cover = (from: number, to: number, level: number): Piece[] => {
    if (from >= to) return [];
    const of = LEVELS[level];
    if (!of) return [{ of: 'rows', fromEpochMs: from, toEpochMs: to }];
    const lengthMs = LENGTH_MS[of];
    const until = isSum(of) ? Math.min(to, sumsToEpochMs[of]) : to;
    const first = Math.max(ceilTo(from, lengthMs), ceilTo(since[of], lengthMs));
    const last = Math.floor(until / lengthMs) * lengthMs;
    if (first >= last) return cover(from, to, level - 1);
    return [
      ...cover(from, first, level - 1),
      { of, fromEpochMs: first, toEpochMs: last },
      ...cover(last, to, level - 1),
    ];
  };
  return cover(fromEpochMs, toEpochMs, LEVELS.indexOf(coarsest));
}

const LEVELS = ['minute', 'hour', 'quarter', 'day', 'week'] as const;
const LENGTH_MS = { ...GRAIN_MS, quarter: SUMS.quarter.lengthMs, week: SUMS.week.lengthMs } as const;

export function isSum(of: Piece['of']): of is SumGrain {
  return of in SUMS;
}

function ceilTo(epochMs: number, lengthMs: number): number {
  return Math.ceil(epochMs / lengthMs) * lengthMs;
}

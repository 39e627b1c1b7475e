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
  /** -1: it is taken away from a bucket of which less than half is not wanted. */
  readonly sign: 1 | -1;
}

export function bucketOf(epochMs: number, grain: Grain): number {
  return Math.floor(epochMs / GRAIN_MS[grain]) * GRAIN_MS[grain];
}

/**
 * Covers `[fromEpochMs, toEpochMs)` by whole buckets, the coarsest of which is `coarsest`. What is left over at the ends is read of the
 * next finer grain, and at last of rows; where it is more than half of a bucket, `canSubtract` allows that bucket without the rest. Every
 * moment of the range counts once, and none outside of it. No piece lies before the bucket of `coarsest` that the one before it
 * lies in.
 */
export function piecesOf(
  fromEpochMs: number,
  toEpochMs: number,
  readable: Readable,
  coarsest: 'hour' | 'day' | 'week',
  canSubtract: boolean,
): Piece[] {
  const since = sinceOf(readable);
  const untilOf = (of: Level) => (isSum(of) ? readable.sumsToEpochMs[of] : Infinity);
  const cover = (from: number, to: number, level: number, sign: 1 | -1): Piece[] => {
    if (from >= to) return [];
    const of = LEVELS[level];
    if (!of) return [{ of: 'rows', fromEpochMs: from, toEpochMs: to, sign }];
    const first = ceilTo(from, LENGTH_MS[of]);
    const last = floorTo(to, LENGTH_MS[of]);
    if (first > last) return part(from, to, level, sign);
    const known = Math.min(last, Math.max(first, ceilTo(since[of], LENGTH_MS[of])));
    const end = Math.max(known, Math.min(last, floorTo(untilOf(of), LENGTH_MS[of])));
    return [
      ...part(from, first, level, sign),
      ...cover(first, known, level - 1, sign),
      ...(known < end ? [{ of, fromEpochMs: known, toEpochMs: end, sign }] : []),
      ...cover(end, last, level - 1, sign),
      ...part(last, to, level, sign),
    ];
  };
  /** Of a range inside one bucket. */
  const part = (from: number, to: number, level: number, sign: 1 | -1): Piece[] => {
    const of = LEVELS[level];
    if (from >= to || !of) return [];
    const start = floorTo(from, LENGTH_MS[of]);
    const end = start + LENGTH_MS[of];
    const isKnown = start >= since[of] && end <= untilOf(of);
    if (!canSubtract || !isKnown || (to - from) * 2 <= LENGTH_MS[of]) return cover(from, to, level - 1, sign);
    const opposite = sign === 1 ? -1 : 1;
    return [
      { of, fromEpochMs: start, toEpochMs: end, sign },
      ...cover(start, from, level - 1, opposite),
      ...cover(to, end, level - 1, opposite),
    ];
  };
  return cover(fromEpochMs, toEpochMs, LEVELS.indexOf(coarsest), 1);
}

function sinceOf({
  minutesFromEpochMs: minute,
  hoursFromEpochMs: hour,
}: Kept): Readonly<Record<Level, number>> {
  return { minute, hour, quarter: hour, day: -Infinity, week: -Infinity };
}

const LEVELS = ['minute', 'hour', 'quarter', 'day', 'week'] as const;
const LENGTH_MS = { ...GRAIN_MS, quarter: SUMS.quarter.lengthMs, week: SUMS.week.lengthMs } as const;

type Level = (typeof LEVELS)[number];

export function isSum(of: Piece['of']): of is SumGrain {
  return of in SUMS;
}

function floorTo(epochMs: number, lengthMs: number): number {
  return Math.floor(epochMs / lengthMs) * lengthMs;
}

function ceilTo(epochMs: number, lengthMs: number): number {
  return Math.ceil(epochMs / lengthMs) * lengthMs;
}

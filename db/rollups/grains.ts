/** From the finest. Buckets begin at whole multiples of the length since the epoch, which is UTC. */
export const GRAINS = ['minute', 'hour', 'day'] as const;
export type Grain = (typeof GRAINS)[number];

export const GRAIN_MS: Readonly<Record<Grain, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

/** Days that are over are also kept by the seven, from Thursday to Wednesday: a week begins at whole multiples too. */
export const WEEK_MS = 7 * GRAIN_MS.day;

/** How long the finer ones are kept; days are kept for good. */
export const KEPT_MS = { minute: 3 * GRAIN_MS.day, hour: 92 * GRAIN_MS.day } as const;

/** Since when there are minutes and hours; what is before has been dropped, or was never made. */
export interface Kept {
  readonly minutesFromEpochMs: number;
  readonly hoursFromEpochMs: number;
}

/** What there is to read from. */
export interface Readable extends Kept {
  /** Weeks that end by then are there. */
  readonly weeksToEpochMs: number;
}

/** A part of a range, to be read of the buckets of one grain that begin in it, or of the ledger's rows. */
export interface Piece {
  readonly of: Grain | 'week' | 'rows';
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
  const since = {
    minute: kept.minutesFromEpochMs,
    hour: kept.hoursFromEpochMs,
    day: -Infinity,
    week: -Infinity,
  };
  const cover = (from: number, to: number, level: number): Piece[] => {
    if (from >= to) return [];
    const of = LEVELS[level];
    if (!of) return [{ of: 'rows', fromEpochMs: from, toEpochMs: to }];
    const first = Math.max(ceilTo(from, LENGTH_MS[of]), ceilTo(since[of], LENGTH_MS[of]));
    const until = of === 'week' ? Math.min(to, kept.weeksToEpochMs) : to;
    const last = Math.floor(until / LENGTH_MS[of]) * LENGTH_MS[of];
    if (first >= last) return cover(from, to, level - 1);
    return [
      ...cover(from, first, level - 1),
      { of, fromEpochMs: first, toEpochMs: last },
      ...cover(last, to, level - 1),
    ];
  };
  return cover(fromEpochMs, toEpochMs, LEVELS.indexOf(coarsest));
}

const LEVELS = [...GRAINS, 'week'] as const;
const LENGTH_MS = { ...GRAIN_MS, week: WEEK_MS } as const;

function ceilTo(epochMs: number, lengthMs: number): number {
  return Math.ceil(epochMs / lengthMs) * lengthMs;
}

/** From the finest. Buckets begin at whole multiples of the length since the epoch, which is UTC. */
export const GRAINS = ['minute', 'hour', 'day'] as const;
export type Grain = (typeof GRAINS)[number];

export const GRAIN_MS: Readonly<Record<Grain, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

/** How long the finer ones are kept; days are kept for good. */
export const KEPT_MS = { minute: 3 * GRAIN_MS.day, hour: 92 * GRAIN_MS.day } as const;

/** Since when there are minutes and hours; what is before has been dropped, or was never made. */
export interface Kept {
  readonly minutesFromEpochMs: number;
  readonly hoursFromEpochMs: number;
}

/** A part of a range, to be read of the buckets of one grain that begin in it, or of the ledger's rows. */
export interface Piece {
  readonly of: Grain | 'rows';
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
  kept: Kept,
  coarsest: 'hour' | 'day',
): Piece[] {
  const since = { minute: kept.minutesFromEpochMs, hour: kept.hoursFromEpochMs, day: -Infinity };
  const cover = (from: number, to: number, level: number): Piece[] => {
    if (from >= to) return [];
    const of = GRAINS[level];
    if (!of) return [{ of: 'rows', fromEpochMs: from, toEpochMs: to }];
    const first = Math.max(ceilTo(from, GRAIN_MS[of]), ceilTo(since[of], GRAIN_MS[of]));
    const last = to === Infinity ? to : bucketOf(to, of);
    if (first >= last) return cover(from, to, level - 1);
    return [
      ...cover(from, first, level - 1),
      { of, fromEpochMs: first, toEpochMs: last },
      ...cover(last, to, level - 1),
    ];
  };
  return cover(fromEpochMs, toEpochMs, GRAINS.indexOf(coarsest));
}

function ceilTo(epochMs: number, lengthMs: number): number {
  return Math.ceil(epochMs / lengthMs) * lengthMs;
}

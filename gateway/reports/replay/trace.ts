import type { Fleet } from './fleet.ts';

/** Requests in the order of their arrival: three columns, since there are millions. */
export interface Arrivals {
  readonly atMs: Float64Array;
  /** Index into the fleet's combos. */
  readonly combo: Uint32Array;
  /** From grant to end. */
  readonly durationMs: Float64Array;
}

export interface Trace {
  readonly name: string;
  readonly fleet: Fleet;
  readonly arrivals: Arrivals;
}

export interface Arrival {
  readonly atMs: number;
  readonly combo: number;
  readonly durationMs: number;
}

/** Sorted by time; of equal times in the order given. */
export function toArrivals(rows: readonly Arrival[]): Arrivals {
  const order = [...rows].sort((a, b) => a.atMs - b.atMs);
  return {
    atMs: Float64Array.from(order, ({ atMs }) => atMs),
    combo: Uint32Array.from(order, ({ combo }) => combo),
    durationMs: Float64Array.from(order, ({ durationMs }) => durationMs),
  };
}

import { inOrder } from './leavingOrder.ts';
import type { PoolSettings } from './settings.ts';
import type { PoolState } from './state.ts';

/** Combos and bases are weighed in books of their own: a combo is only ever compared with combos. */
export type Book = 'combos' | 'bases' | 'segments' | 'adapterSegments';

/**
 * More uses than these count for no more: a burst of hundreds would keep what it was for long after it is over, while
 * those who work now evict each other (docs/adr/0011).
 */
const MOST_USES = 64;

/** What is known of something that may be let go. */
export interface Worth {
  /** How long it took to get it: what it would cost to get it back. */
  readonly costMs: number;
  readonly readyMs: number;
  /** At most `MOST_USES`. */
  uses: number;
  /** The book's clock when it was last used. */
  clock: number;
}

export interface Candidate {
  readonly worth: Worth;
  readonly bytes: number;
  readonly lastUsedMs: number;
}

/** Says who goes first when room is short: the lowest rank. Pure. */
export type EvictionPolicy = (candidate: Candidate) => number;

/**
 * GreedyDual-Size-Frequency (Cherkasova, "Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching
 * Policy", HP Labs HPL-98-69R1, 1998): clock + frequency x cost / size. The clock, which only grows, is the rank of the
 * last one that went; it makes what was used long ago old, whatever it was worth then.
 */
const gdsf: EvictionPolicy = ({ worth, bytes }) =>
  worth.clock + (worth.uses * worth.costMs) / Math.max(1, bytes);

export const EVICTION_POLICIES: Readonly<Record<PoolSettings['eviction'], EvictionPolicy>> = {
  gdsf,
  /** The least recently used first. */
  lru: ({ lastUsedMs }) => lastUsedMs,
  /** The largest first. */
  size: ({ bytes }) => -bytes,
};

/**
 * The first to go first; of equal ones the least recently used. Worked out only as far as it is walked over: of many the
 * first few have to go.
 */
export function inOrderOfLeaving<T>(
  { eviction }: PoolState,
  items: readonly T[],
  candidateOf: (item: T) => Candidate,
): Iterable<T> {
  if (items.length < 2) return items;
  const ranked = items.map((item, at) => {
    const candidate = candidateOf(item);
    return { item, rank: eviction(candidate), lastUsedMs: candidate.lastUsedMs, at };
  });
  return inOrder(ranked);
}

/** Something became ready that took so long. */
export function newWorth(state: PoolState, book: Book, costMs: number, nowMs: number): Worth {
  return { costMs, readyMs: nowMs, uses: 1, clock: state.clocks[book] };
}

export function noteUse(state: PoolState, book: Book, worth: Worth): void {
  worth.uses = Math.min(MOST_USES, worth.uses + 1);
  worth.clock = state.clocks[book];
}

/** It goes for want of room: what stays is younger than it from now on. */
export function noteEviction(state: PoolState, book: Book, candidate: Candidate): void {
  state.clocks[book] = Math.max(state.clocks[book], gdsf(candidate));
}

/** It has been there for the least time that anything stays. */
export function isResident(state: PoolState, { readyMs }: Worth, nowMs: number): boolean {
  return nowMs - readyMs >= state.settings.minResidencyMs;
}

import type { PriceVersion } from '../domain/prices.ts';

/** All versions of the price book there ever were. They are never changed: amounts are recomputed from them. */
export interface PriceStore {
  /** The oldest first. */
  load(): Promise<PriceVersion[]>;
  /** Resolves when it is on disk. Rejects when there is one of that number. */
  add(version: PriceVersion): Promise<void>;
}

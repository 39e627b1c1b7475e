import type { PriceBook } from '../domain/prices.ts';

/** What the ledger says of amounts, read for people and for budgets. */
export interface CostReads {
  /** What each key has spent since a time, by UTC day, corrections included. */
  spentSince(epochMs: number): Promise<readonly KeySpend[]>;
  /** Computes every amount of a time span anew from the row's facts and the prices of its version. */
  recheck(order: RecheckOrder): Promise<Recheck>;
}

export interface KeySpend {
  readonly keyId: string;
  /** A time in the UTC day, mostly its first millisecond. */
  readonly dayEpochMs: number;
  readonly microUsd: number;
}

export interface RecheckOrder {
  /** Of the arrival: inclusive, exclusive. */
  readonly fromEpochMs: number;
  readonly toEpochMs: number;
  /** By version. */
  readonly books: Readonly<Record<number, PriceBook>>;
}

/** Amounts in micro-USD, without corrections. */
export interface Recheck {
  readonly requests: number;
  readonly recordedMicroUsd: number;
  readonly recomputedMicroUsd: number;
  /** Rows whose amount, or a part of it, is not what the facts and prices give. */
  readonly differing: number;
  /** The first of them. */
  readonly examples: readonly {
    readonly requestId: string;
    readonly recordedMicroUsd: number;
    readonly recomputedMicroUsd: number;
  }[];
  /** Starts that requests of the time span have shares of. */
  readonly starts: number;
  /** Of those the ones that are charged for more than once, or with shares that are not those of the others. */
  readonly startsDiffering: number;
}

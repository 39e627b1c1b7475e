import type { PhaseRecord, StartKind } from './phases.ts';
import { type PriceBook, ratesOf, type StartPolicy } from './prices.ts';

/** A place among those who waited for one start when it was ready. */
export interface StartShare {
  /** Who began it, or the oldest of those who joined, and a number: a request may see several starts. */
  readonly startId: string;
  /** How many they were. */
  readonly of: number;
  /** 0 for the one that its name has. */
  readonly index: number;
}

/** All that an amount depends on, beside the prices. Each is a column of the ledger. */
export interface CostFacts {
  /** null: refused before its combo was known. */
  readonly combo: string | null;
  readonly promptTokens: number;
  /** Part of the prompt's. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly prefillMs: number | null;
  readonly decodeMs: number | null;
  /** Device memory of the runner's base and of the combo; 0 without a device. */
  readonly deviceBytes: number;
  readonly startKind: StartKind | null;
  /** Another began the start. */
  readonly joined: boolean;
  /** null: no start, or gone before it was ready. */
  readonly startShare: StartShare | null;
  readonly errorCode: string | null;
}

/** Whole micro-USD, each part rounded by itself, halves up. */
export interface Cost {
  readonly inputMicroUsd: number;
  readonly cachedMicroUsd: number;
  readonly outputMicroUsd: number;
  readonly runnerMicroUsd: number;
  readonly deviceMicroUsd: number;
  readonly startMicroUsd: number;
  /** The sum of the parts. */
  readonly totalMicroUsd: number;
}

export const NO_COST: Cost = {
  inputMicroUsd: 0,
  cachedMicroUsd: 0,
  outputMicroUsd: 0,
  runnerMicroUsd: 0,
  deviceMicroUsd: 0,
  startMicroUsd: 0,
  totalMicroUsd: 0,
};

const MICRO = 1_000_000;
const BYTES_PER_GB = 1_000_000_000;
const MS_PER_SECOND = 1000;

/** Ended by the client, not by us: what was done until then was done for it. */
const CLIENT_ENDINGS: ReadonlySet<string> = new Set(['client_closed', 'slow_reader']);

/** Is it paid for? What failed on our side is not, whatever it has used. */
export function isBillable(errorCode: string | null): boolean {
  return errorCode === null || CLIENT_ENDINGS.has(errorCode);
}

/** The facts of a request's record. */
export function factsOf(
  record: Omit<CostFacts, 'prefillMs' | 'decodeMs'> & { readonly phasesMs: PhaseRecord },
): CostFacts {
  const { phasesMs } = record;
  return { ...record, prefillMs: phasesMs.prefill ?? null, decodeMs: phasesMs.decode ?? null };
}

/** What a request costs. Equal facts and books give equal amounts, whenever it is asked. */
export function costOf(facts: CostFacts, book: PriceBook): Cost {
  if (facts.combo === null || !isBillable(facts.errorCode)) return NO_COST;
  const rates = ratesOf(book, facts.combo);
  const seconds = ((facts.prefillMs ?? 0) + (facts.decodeMs ?? 0)) / MS_PER_SECOND;
  // A price for a million tokens in USD is one for a token in micro-USD.
  const inputMicroUsd = Math.round((facts.promptTokens - facts.cachedTokens) * rates.inputPerMillion);
  const cachedMicroUsd = Math.round(facts.cachedTokens * rates.cachedInputPerMillion);
  const outputMicroUsd = Math.round(facts.completionTokens * rates.outputPerMillion);
  const runnerMicroUsd = Math.round(seconds * rates.runnerSecond * MICRO);
  const deviceMicroUsd = Math.round(
    seconds * (facts.deviceBytes / BYTES_PER_GB) * rates.deviceGbSecond * MICRO,
  );
  const { startKind, startShare, joined } = facts;
  const whole = startKind === null || startKind === 'warm' ? 0 : Math.round(rates.start[startKind] * MICRO);
  const startMicroUsd = startShare === null ? 0 : shareOf(whole, startShare, joined, book.startPolicy);
  const totalMicroUsd =
    inputMicroUsd + cachedMicroUsd + outputMicroUsd + runnerMicroUsd + deviceMicroUsd + startMicroUsd;
  return {
    inputMicroUsd,
    cachedMicroUsd,
    outputMicroUsd,
    runnerMicroUsd,
    deviceMicroUsd,
    startMicroUsd,
    totalMicroUsd,
  };
}

/** Of a start's whole price. All shares of a start together are that price, or nothing. */
function shareOf(whole: number, { of, index }: StartShare, joined: boolean, policy: StartPolicy): number {
  if (policy === 'house') return 0;
  if (policy === 'initiator') return joined ? 0 : whole;
  return Math.floor(whole / of) + (index < whole % of ? 1 : 0);
}

/** What a request that comes now would wait for: nothing, a start that another has begun, or one of its own. */
export type StartOutlook = 'none' | 'joined' | 'own';

/** The most that a request's tokens and its start can cost by what is known at its admission. */
export function mostCost(
  combo: string,
  tokens: { readonly prompt: number; readonly completion: number },
  start: StartOutlook,
  book: PriceBook,
): number {
  const rates = ratesOf(book, combo);
  const input = Math.max(rates.inputPerMillion, rates.cachedInputPerMillion);
  const dearest = mayPayStart(start, book.startPolicy) ? Math.max(...Object.values(rates.start)) : 0;
  return (
    Math.ceil(dearest * MICRO) +
    Math.ceil(tokens.prompt * input) +
    Math.ceil(tokens.completion * rates.outputPerMillion)
  );
}

/** One who joins a shared start pays all of it when the others leave before it is ready. */
function mayPayStart(start: StartOutlook, policy: StartPolicy): boolean {
  if (policy === 'house' || start === 'none') return false;
  return start === 'own' || policy === 'shared';
}

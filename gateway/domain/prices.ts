import type { StartKind } from './phases.ts';

/** A start that has to do something. */
export type BilledStart = Exclude<StartKind, 'warm'>;
export const BILLED_STARTS = ['attach', 'wake', 'staged', 'cold'] as const satisfies readonly BilledStart[];

/** What things cost, in USD. What is not given costs nothing, but cached input, which then costs what other input does. */
export interface Rates {
  /** Of 1,000,000 prompt tokens that were not cached. */
  readonly inputPerMillion?: number | undefined;
  readonly cachedInputPerMillion?: number | undefined;
  readonly outputPerMillion?: number | undefined;
  /** Of a second that a request prefills and decodes. */
  readonly runnerSecond?: number | undefined;
  /** Of 10^9 bytes of device memory of its runner's base and combo, for such a second. */
  readonly deviceGbSecond?: number | undefined;
  /** Of a whole start, by its kind. */
  readonly start?: Partial<Readonly<Record<BilledStart, number>>> | undefined;
}

/** Who pays for a start: who began it, all who waited for it when it was ready, or nobody. */
export const START_POLICIES = ['initiator', 'shared', 'house'] as const;
export type StartPolicy = (typeof START_POLICIES)[number];

/** One version of all prices. */
export interface PriceBook {
  readonly startPolicy: StartPolicy;
  /** For models without an entry, and for what an entry leaves out. */
  readonly default: Rates;
  readonly models: Readonly<Record<string, Rates>>;
  /** On top of the model's, for each adapter of a combo. */
  readonly adapters: Readonly<Record<string, Rates>>;
}

/** Before an operator has set any: everything is free. Version 0. */
export const FREE: PriceBook = { startPolicy: 'initiator', default: {}, models: {}, adapters: {} };

/** A book and the number by which ledger rows refer to it. */
export interface PriceVersion {
  readonly version: number;
  readonly book: PriceBook;
  readonly author: 'config' | 'api';
  readonly createdAtEpochMs: number;
}

/** The sum of all rates that count for a combo. */
export interface ComboRates {
  readonly inputPerMillion: number;
  readonly cachedInputPerMillion: number;
  readonly outputPerMillion: number;
  readonly runnerSecond: number;
  readonly deviceGbSecond: number;
  readonly start: Readonly<Record<BilledStart, number>>;
}

/** `combo` is a canonical name: `base+adapter@0.5`. */
export function ratesOf(book: PriceBook, combo: string): ComboRates {
  const [base = '', ...adapters] = combo.split('+').map((part) => part.split('@', 1)[0] ?? '');
  const own = entryOf(book.models, base);
  const model = { ...book.default, ...own, start: { ...book.default.start, ...own?.start } };
  const surcharges = adapters.flatMap((id) => entryOf(book.adapters, id) ?? []);
  return [model, ...surcharges].map(complete).reduce(add);
}

function entryOf(entries: Readonly<Record<string, Rates>>, id: string): Rates | undefined {
  return Object.hasOwn(entries, id) ? entries[id] : undefined;
}

function complete(rates: Rates): ComboRates {
  const { inputPerMillion = 0, start } = rates;
  return {
    inputPerMillion,
    cachedInputPerMillion: rates.cachedInputPerMillion ?? inputPerMillion,
    outputPerMillion: rates.outputPerMillion ?? 0,
    runnerSecond: rates.runnerSecond ?? 0,
    deviceGbSecond: rates.deviceGbSecond ?? 0,
    start: byKind((kind) => start?.[kind] ?? 0),
  };
}

function add(one: ComboRates, other: ComboRates): ComboRates {
  return {
    inputPerMillion: one.inputPerMillion + other.inputPerMillion,
    cachedInputPerMillion: one.cachedInputPerMillion + other.cachedInputPerMillion,
    outputPerMillion: one.outputPerMillion + other.outputPerMillion,
    runnerSecond: one.runnerSecond + other.runnerSecond,
    deviceGbSecond: one.deviceGbSecond + other.deviceGbSecond,
    start: byKind((kind) => one.start[kind] + other.start[kind]),
  };
}

function byKind(of: (kind: BilledStart) => number): Record<BilledStart, number> {
  return { attach: of('attach'), wake: of('wake'), staged: of('staged'), cold: of('cold') };
}

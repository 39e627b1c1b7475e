import * as z from 'zod';
import { BILLED_STARTS, type PriceBook, type Rates, START_POLICIES } from '../domain/prices.ts';

const EXPECTED = 'expected an amount in USD from 0 to 1000000';
const usd = z.number({ error: EXPECTED }).min(0, { error: EXPECTED }).max(1_000_000, { error: EXPECTED });

const starts = z.partialRecord(z.enum(BILLED_STARTS), usd);

const rates = z.strictObject({
  input_per_million: usd.optional().describe('USD for 1,000,000 prompt tokens'),
  cached_input_per_million: usd
    .optional()
    .describe('USD for 1,000,000 prompt tokens that were cached; input_per_million unless given'),
  output_per_million: usd.optional().describe('USD for 1,000,000 completion tokens'),
  runner_second: usd.optional().describe('USD for a second that a request prefills and decodes'),
  device_gb_second: usd
    .optional()
    .describe('USD for 10^9 bytes of device memory of the base and the combo, for such a second'),
  start: starts.optional().describe('USD for a whole start, by its kind'),
});
type WrittenRates = z.output<typeof rates>;

/** The price book as the configuration file and the admin API write it. */
export const priceBookSchema = z.strictObject({
  start_policy: z
    .enum(START_POLICIES)
    .default('initiator')
    .describe('Who pays for a start: who began it, all who waited for it, or nobody'),
  default: rates.default({}).describe('For models without an entry, and for what an entry leaves out'),
  models: z.record(z.string().min(1).max(256), rates).default({}),
  adapters: z
    .record(z.string().min(1).max(256), rates)
    .default({})
    .describe('On top of the model’s, for each adapter of a combo'),
});
export type WrittenPriceBook = z.output<typeof priceBookSchema>;

export function priceBookOf({ start_policy, default: base, models, adapters }: WrittenPriceBook): PriceBook {
  return {
    startPolicy: start_policy,
    default: ratesOf(base),
    models: mapped(models, ratesOf),
    adapters: mapped(adapters, ratesOf),
  };
}

export function writtenPriceBook({ startPolicy, ...book }: PriceBook): WrittenPriceBook {
  return {
    start_policy: startPolicy,
    default: writtenRates(book.default),
    models: mapped(book.models, writtenRates),
    adapters: mapped(book.adapters, writtenRates),
  };
}

function ratesOf(written: WrittenRates): Rates {
  return {
    inputPerMillion: written.input_per_million,
    cachedInputPerMillion: written.cached_input_per_million,
    outputPerMillion: written.output_per_million,
    runnerSecond: written.runner_second,
    deviceGbSecond: written.device_gb_second,
    start: written.start,
  };
}

function writtenRates(kept: Rates): WrittenRates {
  return {
    input_per_million: kept.inputPerMillion,
    cached_input_per_million: kept.cachedInputPerMillion,
    output_per_million: kept.outputPerMillion,
    runner_second: kept.runnerSecond,
    device_gb_second: kept.deviceGbSecond,
    start: kept.start,
  };
}

function mapped<From, To>(
  entries: Readonly<Record<string, From>>,
  of: (entry: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(entries).map(([id, entry]) => [id, of(entry)]));
}

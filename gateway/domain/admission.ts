import type { Combo } from './combo.ts';
import { mostCost } from './cost.ts';
import type { ComboName, RequestId } from './ids.ts';
import type { PriceBook } from './prices.ts';
import type { Endpoint } from './requestRecord.ts';

/**
 * A request that has passed the door, as the ledger opens it: before it waits for a runner. Its record settles it at
 * its end; one without a record was cut off by the end of its gateway.
 */
export interface Admission {
  readonly requestId: RequestId;
  readonly endpoint: Endpoint;
  readonly keyId: string | null;
  readonly combo: ComboName;
  readonly base: string;
  readonly comboRevision: string;
  readonly stream: boolean;
  readonly arrivedAtEpochMs: number;
  /** The gateway process that admitted it. */
  readonly gatewayRun: string;
  readonly reservation: Reservation;
}

/** What a request may come to use. */
export interface Reservation {
  /** Most output tokens that were asked for, over all choices; null: none asked, so the context bounds it. */
  readonly mostCompletionTokens: number | null;
  /** A guess by length, without a tokenizer. */
  readonly promptTokensEstimate: number;
  /** Held of a budget until the request is settled, in millionths of a US dollar. */
  readonly reservedMicroUsd: number;
}

/** English text and JSON have about four characters a token in common vocabularies. */
const CHARACTERS_PER_TOKEN = 4;

/**
 * The one place where a reservation is made: by the price of the estimated prompt and of all that may be answered, without
 * runner time and starts, which nobody knows before. What is not bounded may fill the context.
 */
export function reservationOf(
  { name, model }: Pick<Combo, 'name' | 'model'>,
  bodyCharacters: number,
  mostCompletionTokens: number | null,
  book: PriceBook,
): Reservation {
  const prompt = Math.ceil(bodyCharacters / CHARACTERS_PER_TOKEN);
  const completion = mostCompletionTokens ?? model.contextTokens;
  const reservedMicroUsd = mostCost(name, { prompt, completion }, book);
  return { mostCompletionTokens, promptTokensEstimate: prompt, reservedMicroUsd };
}

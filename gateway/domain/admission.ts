import { mostCost, type StartOutlook } from './cost.ts';
import type { ComboName, RequestId } from './ids.ts';
import type { PriceBook } from './prices.ts';
import type { Endpoint } from './requestRecord.ts';
import type { TokenBounds } from './tokenBounds.ts';

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

/** The one place where a reservation is made. What a runner's seconds cost nobody knows before. */
export function reservationOf(
  combo: ComboName,
  bounds: TokenBounds,
  start: StartOutlook,
  book: PriceBook,
): Reservation {
  const { likelyPrompt, mostPrompt, askedCompletion, mostCompletion } = bounds;
  return {
    mostCompletionTokens: askedCompletion,
    promptTokensEstimate: likelyPrompt,
    reservedMicroUsd: mostCost(combo, { prompt: mostPrompt, completion: mostCompletion }, start, book),
  };
}

import { ERROR_TABLE } from './errors.ts';
import type { StartKind } from './phases.ts';

/**
 * What an objective judges: the time to the first token of warm requests, or of those that waited for a start; the time per
 * token after the first; or whether there was an answer at all. docs/slos.md has the exact definitions.
 */
export const OBJECTIVES = ['ttft_warm', 'ttft_cold', 'tpot', 'availability'] as const;
export type Objective = (typeof OBJECTIVES)[number];

/** A promise: of the requests that it is about, at least `target` (0 to 1) are good, over `windowMs` up to now. */
export interface Slo {
  readonly id: string;
  /** A base's id; null: all. */
  readonly model: string | null;
  /** A combo's canonical name; null: all. */
  readonly combo: string | null;
  readonly objective: Objective;
  /** Longest that is good, in milliseconds; null of `availability`. */
  readonly thresholdMs: number | null;
  readonly target: number;
  readonly windowMs: number;
  /** Whether requests that waited for a start count. Both numbers are told either way. */
  readonly countsCold: boolean;
}

/** What a verdict is made of: columns of the ledger. */
export interface JudgedRequest {
  readonly combo: string | null;
  readonly base: string | null;
  /** null: refused before it was known. */
  readonly startKind: StartKind | null;
  readonly ttftMs: number | null;
  readonly tpotMs: number | null;
  readonly totalMs: number;
  readonly httpStatus: number;
  readonly errorCode: string | null;
}

/** Good and bad requests, those that waited for a start by themselves. Whole numbers. */
export interface SloCounts {
  readonly good: number;
  readonly bad: number;
  readonly startGood: number;
  readonly startBad: number;
}

export const NO_COUNTS: SloCounts = { good: 0, bad: 0, startGood: 0, startBad: 0 };

export function addCounts(one: SloCounts, other: SloCounts): SloCounts {
  return {
    good: one.good + other.good,
    bad: one.bad + other.bad,
    startGood: one.startGood + other.startGood,
    startBad: one.startBad + other.startBad,
  };
}

/** The part of an objective that verdicts depend on: objectives with the same one have the same counts. */
export function definitionOf({ model, combo, objective, thresholdMs }: Slo): string {
  return JSON.stringify([objective, thresholdMs, model, combo]);
}

/** Which of the four numbers a request adds one to; null: the objective is not about it. */
export function verdictOf(slo: Slo, request: JudgedRequest): keyof SloCounts | null {
  if (slo.combo !== null && request.combo !== slo.combo) return null;
  if (slo.model !== null && request.base !== slo.model) return null;
  const waited = request.startKind !== null && request.startKind !== 'warm';
  const isGood = judge(slo, request, waited);
  if (isGood === null) return null;
  if (waited) return isGood ? 'startGood' : 'startBad';
  return isGood ? 'good' : 'bad';
}

function judge({ objective, thresholdMs }: Slo, request: JudgedRequest, waited: boolean): boolean | null {
  switch (objective) {
    case 'availability':
      return isAnswered(request);
    case 'tpot':
      return request.errorCode === null ? isWithin(request.tpotMs, thresholdMs) : null;
    case 'ttft_cold':
      return waited ? isInTime(request, thresholdMs) : null;
    case 'ttft_warm':
      return isInTime(request, thresholdMs);
  }
}

/** null: the client's own fault, or it went by itself. */
function isAnswered({ errorCode, httpStatus }: JudgedRequest): boolean | null {
  if (errorCode === null) return true;
  if (Object.hasOwn(ERROR_TABLE, errorCode)) {
    return ERROR_TABLE[errorCode as keyof typeof ERROR_TABLE].source === 'client' ? null : false;
  }
  // An engine's own code: after headers went the status tells nothing.
  return httpStatus >= 400 && httpStatus < 500 ? null : false;
}

/**
 * Of a client that left without a first token, the time that it had waited is a lower bound of the one to that token: past
 * the threshold it is bad, below it nothing is known. What failed for another reason is availability's business.
 */
function isInTime(request: JudgedRequest, thresholdMs: number | null): boolean | null {
  const { errorCode, ttftMs, totalMs } = request;
  if (errorCode === null) return isWithin(ttftMs, thresholdMs);
  if (errorCode !== 'client_closed') return null;
  if (ttftMs !== null) return isWithin(ttftMs, thresholdMs);
  return thresholdMs !== null && totalMs > thresholdMs ? false : null;
}

function isWithin(ms: number | null, thresholdMs: number | null): boolean | null {
  return ms === null || thresholdMs === null ? null : ms <= thresholdMs;
}

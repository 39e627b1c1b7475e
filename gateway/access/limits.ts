import type { KeyLimits } from '../domain/apiKey.ts';
import { type Failure, fail } from '../domain/errors.ts';
import { emptyMeter, type Meter, resetMs, settle, use, usedAt, waitMs } from './meter.ts';

/** How much of its limits a key uses. Owned by its key; changed in place. */
export interface KeyUsage {
  readonly requests: Meter;
  readonly tokens: Meter;
  active: number;
}

/** What a request takes of the limits as long as it runs. */
export interface Charge {
  readonly tokens: number;
  readonly atMs: number;
}

/** How much is left, for OpenAI's `x-ratelimit-*` headers. */
export interface Allowance {
  readonly limit: number;
  readonly remaining: number;
  /** Until all of it is there again. */
  readonly resetMs: number;
}

export interface Allowances {
  readonly requests: Allowance | null;
  readonly tokens: Allowance | null;
}

/** When one of a key's requests ends nobody knows: a client that was refused for their number asks again after this. */
const CONCURRENT_RETRY_MS = 1000;

export function emptyUsage(): KeyUsage {
  return { requests: emptyMeter(), tokens: emptyMeter(), active: 0 };
}

/** Why a request that may take so many tokens is not admitted now; null: `charge` it. */
export function limitRefusal(
  usage: KeyUsage,
  limits: KeyLimits,
  tokens: number,
  nowMs: number,
): Failure | null {
  const { requestsPerMinute, tokensPerMinute, concurrentRequests } = limits;
  if (concurrentRequests !== null && usage.active >= concurrentRequests) {
    const what = `expected at most ${concurrentRequests} at the same time`;
    return refusal(`for concurrent requests: ${what}`, CONCURRENT_RETRY_MS);
  }
  if (requestsPerMinute !== null) {
    const wait = waitMs(usage.requests, requestsPerMinute, 1, nowMs);
    if (wait > 0) return refusal(`for requests per minute (RPM): limit ${requestsPerMinute}`, wait);
  }
  if (tokensPerMinute !== null) {
    const wait = waitMs(usage.tokens, tokensPerMinute, tokens, nowMs);
    const used = Math.ceil(usedAt(usage.tokens, tokensPerMinute, nowMs));
    const numbers = `limit ${tokensPerMinute}, used ${used}, requested ${tokens}`;
    if (wait > 0) return refusal(`for tokens per minute (TPM): ${numbers}`, wait);
  }
  return null;
}

export function charge(usage: KeyUsage, limits: KeyLimits, tokens: number, nowMs: number): Charge {
  const { requestsPerMinute, tokensPerMinute } = limits;
  usage.active += 1;
  if (requestsPerMinute !== null) use(usage.requests, requestsPerMinute, 1, nowMs);
  if (tokensPerMinute !== null) use(usage.tokens, tokensPerMinute, tokens, nowMs);
  return { tokens, atMs: nowMs };
}

/** A request has ended, and took so many tokens. */
export function discharge(
  usage: KeyUsage,
  limits: KeyLimits,
  charged: Charge,
  tokens: number,
  nowMs: number,
): void {
  usage.active -= 1;
  if (limits.tokensPerMinute === null) return;
  settle(usage.tokens, limits.tokensPerMinute, { amount: charged.tokens, atMs: charged.atMs }, tokens, nowMs);
}

export function allowances(usage: KeyUsage, limits: KeyLimits, nowMs: number): Allowances {
  return {
    requests: allowance(usage.requests, limits.requestsPerMinute, nowMs),
    tokens: allowance(usage.tokens, limits.tokensPerMinute, nowMs),
  };
}

function allowance(meter: Meter, limit: number | null, nowMs: number): Allowance | null {
  if (limit === null) return null;
  const remaining = Math.max(0, Math.floor(limit - usedAt(meter, limit, nowMs)));
  return { limit, remaining, resetMs: resetMs(meter, limit, nowMs) };
}

function refusal(why: string, retryAfterMs: number): Failure {
  const { error } = fail('rate_limit_exceeded', `Rate limit reached for this API key ${why}`);
  // More than a minute's grant never fits.
  return Number.isFinite(retryAfterMs) ? { ...error, retryAfterMs } : { ...error, isPermanent: true };
}

import { setTimeout as delay } from 'node:timers/promises';
import { SourceError } from './errors.ts';

/** Time and chance of retries, so that tests need neither. */
export interface Pace {
  /** Throws `cancelled` when the signal comes first. */
  sleep(ms: number, signal: AbortSignal | undefined): Promise<void>;
  /** From 0 to below 1. */
  random(): number;
}

export const REAL_PACE: Pace = {
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal ? { signal } : {});
    } catch (cause) {
      throw new SourceError('cancelled', 'Cannot go on: cancelled', { cause });
    }
  },
  random: () => Math.random(),
};

const BASE_MS = 500;
const CAP_MS = 30_000;
/** Who asks for more is not waited for. */
const MOST_RETRY_AFTER_MS = 120_000;

/**
 * The wait before the next attempt: full jitter under a doubled bound (aws.amazon.com/builders-library,
 * "Timeouts, retries and backoff with jitter"), and at least what the server asked for. null: not worth waiting.
 */
export function retryDelayMs(failures: number, error: SourceError, pace: Pace): number | null {
  const asked = error.retryAfterMs ?? 0;
  if (asked > MOST_RETRY_AFTER_MS) return null;
  const bound = Math.min(CAP_MS, BASE_MS * 2 ** (failures - 1));
  return asked + Math.ceil(pace.random() * bound);
}

export interface RetryOptions {
  readonly attempts: number;
  readonly pace: Pace;
  readonly signal?: AbortSignal | undefined;
}

/** Does it again after transient failures; the last failure is thrown. */
export async function retrying<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof SourceError) || !error.isTransient || failures >= options.attempts) throw error;
      const delayMs = retryDelayMs(failures, error, options.pace);
      if (delayMs === null) throw error;
      await options.pace.sleep(delayMs, options.signal);
    }
  }
}

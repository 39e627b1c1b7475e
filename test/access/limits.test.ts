import { describe, expect, test } from 'vitest';
import { allowances, charge, discharge, emptyUsage, limitRefusal } from '../../gateway/access/limits.ts';
import { NO_LIMITS } from '../../gateway/domain/apiKey.ts';

const MINUTE_MS = 60_000;

describe('limitRefusal()', () => {
  test('lets everything on where there are no limits, and counts what runs', () => {
    const usage = emptyUsage();
    for (let at = 0; at < 3; at += 1) {
      expect(limitRefusal(usage, NO_LIMITS, 1e9, 0)).toBeNull();
      charge(usage, NO_LIMITS, 1e9, 0);
    }
    expect(usage.active).toBe(3);
    expect(allowances(usage, NO_LIMITS, 0)).toEqual({ requests: null, tokens: null });
  });

  test('says how many may run at the same time', () => {
    const limits = { ...NO_LIMITS, concurrentRequests: 2 };
    const usage = emptyUsage();
    const first = charge(usage, limits, 1, 0);
    expect(limitRefusal(usage, limits, 1, 0)).toBeNull();
    charge(usage, limits, 1, 0);
    expect(limitRefusal(usage, limits, 1, 0)).toEqual({
      code: 'rate_limit_exceeded',
      message:
        'Rate limit reached for this API key for concurrent requests: expected at most 2 at the same time',
      retryAfterMs: 1000,
    });
    discharge(usage, limits, first, 1, 0);
    expect(limitRefusal(usage, limits, 1, 0)).toBeNull();
  });

  test('says when the next request fits into the minute', () => {
    const limits = { ...NO_LIMITS, requestsPerMinute: 2 };
    const usage = emptyUsage();
    charge(usage, limits, 0, 0);
    charge(usage, limits, 0, 0);
    expect(limitRefusal(usage, limits, 0, 0)).toEqual({
      code: 'rate_limit_exceeded',
      message: 'Rate limit reached for this API key for requests per minute (RPM): limit 2',
      retryAfterMs: MINUTE_MS / 2,
    });
    expect(limitRefusal(usage, limits, 0, MINUTE_MS / 2)).toBeNull();
  });

  test('tells tokens apart: the limit, the used and the requested ones', () => {
    const limits = { ...NO_LIMITS, tokensPerMinute: 600 };
    const usage = emptyUsage();
    charge(usage, limits, 400, 0);
    expect(limitRefusal(usage, limits, 300, 0)).toEqual({
      code: 'rate_limit_exceeded',
      message:
        'Rate limit reached for this API key for tokens per minute (TPM): limit 600, used 400, requested 300',
      // 100 tokens too many, at 10 a second.
      retryAfterMs: 10_000,
    });
    expect(limitRefusal(usage, limits, 200, 0)).toBeNull();
  });

  test('never takes a request of more than a minute can have', () => {
    const limits = { ...NO_LIMITS, tokensPerMinute: 600 };
    const refusal = limitRefusal(emptyUsage(), limits, 601, 0);
    expect(refusal).toMatchObject({ isPermanent: true });
    expect(refusal).not.toHaveProperty('retryAfterMs');
  });
});

describe('discharge()', () => {
  test('gives back what was reserved and not used', () => {
    const limits = { ...NO_LIMITS, tokensPerMinute: 600 };
    const usage = emptyUsage();
    const charged = charge(usage, limits, 500, 0);
    expect(charged).toEqual({ tokens: 500, atMs: 0 });
    discharge(usage, limits, charged, 100, 0);
    expect(allowances(usage, limits, 0)).toEqual({
      requests: null,
      // 100 of 600 in a minute.
      tokens: { limit: 600, remaining: 500, resetMs: 10_000 },
    });
    expect(usage.active).toBe(0);
  });

  test('does not give back what has run out meanwhile', () => {
    const limits = { ...NO_LIMITS, tokensPerMinute: 600 };
    const usage = emptyUsage();
    const charged = charge(usage, limits, 500, 30_000);
    // After 6 s 60 of the 500 have run out; 400 were reserved in vain, of which those 60 are gone.
    discharge(usage, limits, charged, 100, 36_000);
    expect(allowances(usage, limits, 36_000).tokens?.remaining).toBe(500);
  });

  test('takes what was used and not reserved', () => {
    const limits = { ...NO_LIMITS, tokensPerMinute: 600 };
    const usage = emptyUsage();
    discharge(usage, limits, charge(usage, limits, 100, 0), 400, 0);
    expect(allowances(usage, limits, 0).tokens?.remaining).toBe(200);
  });

  test('counts no tokens where they have no limit', () => {
    const usage = emptyUsage();
    const charged = charge(usage, NO_LIMITS, 100, 0);
    discharge(usage, NO_LIMITS, charged, 400, 0);
    expect(allowances(usage, { ...NO_LIMITS, tokensPerMinute: 600 }, 0).tokens?.remaining).toBe(600);
  });
});

test('allowances() are whole, and never below nothing', () => {
  const limits = { ...NO_LIMITS, requestsPerMinute: 3, tokensPerMinute: 100 };
  const usage = emptyUsage();
  const charged = charge(usage, limits, 60, 0);
  // A third of a request's place has come back by then.
  expect(allowances(usage, limits, MINUTE_MS / 9).requests).toEqual({
    limit: 3,
    remaining: 2,
    resetMs: expect.closeTo((MINUTE_MS * 2) / 9, 6),
  });
  discharge(usage, limits, charged, 1000, 0);
  expect(allowances(usage, limits, 0).tokens?.remaining).toBe(0);
});

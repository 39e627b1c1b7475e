import { describe, expect, test } from 'vitest';
import { type After, Lease } from '../../runner/process/lease.ts';

function manualClock() {
  const waiting = new Set<{ atMs: number; callback: () => void }>();
  let nowMs = 0;
  const after: After = (delayMs, callback) => {
    const entry = { atMs: nowMs + delayMs, callback };
    waiting.add(entry);
    return () => waiting.delete(entry);
  };
  const advance = (byMs: number) => {
    nowMs += byMs;
    for (const entry of waiting) {
      if (entry.atMs > nowMs) continue;
      waiting.delete(entry);
      entry.callback();
    }
  };
  return { after, advance };
}

function leaseOf(durationMs: number) {
  const clock = manualClock();
  const seen = { expiries: 0 };
  const lease = new Lease(
    durationMs,
    () => {
      seen.expiries += 1;
    },
    clock.after,
  );
  return { lease, clock, seen };
}

describe('Lease', () => {
  test('Lease runs out once, its duration after the gateway went', () => {
    const { lease, clock, seen } = leaseOf(100);
    lease.start();
    clock.advance(99);
    expect(seen.expiries).toBe(0);
    clock.advance(1);
    clock.advance(1000);
    expect(seen.expiries).toBe(1);
  });

  test('Lease.start() a second time does not lengthen it', () => {
    const { lease, clock, seen } = leaseOf(100);
    lease.start();
    clock.advance(60);
    lease.start();
    clock.advance(40);
    expect(seen.expiries).toBe(1);
  });

  test('Lease.renew() takes the countdown back and start() begins a whole one', () => {
    const { lease, clock, seen } = leaseOf(100);
    lease.start();
    clock.advance(60);
    expect(lease.renew()).toBe(true);
    expect(lease.isRunning).toBe(false);
    clock.advance(1000);
    expect(seen.expiries).toBe(0);
    lease.start();
    clock.advance(99);
    expect(seen.expiries).toBe(0);
    clock.advance(1);
    expect(seen.expiries).toBe(1);
  });

  test('Lease.renew() is refused when it has run out', () => {
    const { lease, clock } = leaseOf(100);
    lease.start();
    clock.advance(100);
    expect(lease.renew()).toBe(false);
  });
});

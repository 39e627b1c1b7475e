const MINUTE_MS = 60_000;

/**
 * What was used of something that is granted by the minute: a leaky bucket. It fills with use, runs out at the granted
 * rate and holds at most one minute's grant, so that over any time `t` no more than `perMinute * (1 + t / 1 min)` is
 * admitted. Owned by its key; changed in place. Times on the monotonic clock.
 */
export interface Meter {
  used: number;
  atMs: number;
}

export function emptyMeter(): Meter {
  return { used: 0, atMs: 0 };
}

/** What is used of the grant at that time; above it when more was used than had been reserved. */
export function usedAt({ used, atMs }: Meter, perMinute: number, nowMs: number): number {
  return Math.max(0, used - drained(nowMs - atMs, perMinute));
}

/** Until `amount` fits, in milliseconds; 0: it does now, Infinity: it never will. */
export function waitMs(meter: Meter, perMinute: number, amount: number, nowMs: number): number {
  if (amount > perMinute) return Number.POSITIVE_INFINITY;
  const over = usedAt(meter, perMinute, nowMs) + amount - perMinute;
  return over <= 0 ? 0 : (over / perMinute) * MINUTE_MS;
}

/** Until nothing of the grant is used, in milliseconds. */
export function resetMs(meter: Meter, perMinute: number, nowMs: number): number {
  return (usedAt(meter, perMinute, nowMs) / perMinute) * MINUTE_MS;
}

export function use(meter: Meter, perMinute: number, amount: number, nowMs: number): void {
  meter.used = usedAt(meter, perMinute, nowMs) + amount;
  meter.atMs = nowMs;
}

/**
 * Puts the real amount in the place of what was reserved at `reservedAtMs`. Of what was reserved too much, the part
 * that can have run out meanwhile is not given back: the meter is never lower than if the real amount had been known.
 */
export function settle(
  meter: Meter,
  perMinute: number,
  reserved: { readonly amount: number; readonly atMs: number },
  amount: number,
  nowMs: number,
): void {
  const over = reserved.amount - amount;
  const back = over <= 0 ? over : Math.max(0, over - drained(nowMs - reserved.atMs, perMinute));
  meter.used = Math.max(0, usedAt(meter, perMinute, nowMs) - back);
  meter.atMs = nowMs;
}

function drained(elapsedMs: number, perMinute: number): number {
  return (Math.max(0, elapsedMs) / MINUTE_MS) * perMinute;
}

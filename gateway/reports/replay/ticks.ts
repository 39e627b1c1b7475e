import { type PoolState } from '../../pool/state.ts';
import { runnersWithBase } from '../../pool/usable.ts';

/** The gateway's own. */
const TICK_MS = 200;
const SLOW_TICK_MS = 1000;

/** `all`: on the whole grid. `ttl`: idle ones go by time alone. */
export type Ticks = 'all' | 'ttl' | 'no ttl';

/**
 * When the pool is next told that time has passed: on the gateway's grid, but only where that can change something.
 * At each 200 ms while somebody waits for room or a standby is missing; each second while others wait (their wait has a
 * limit of minutes) or idle ones have a ttl
 * (or less often, where that is precise enough); never while all are served and nothing is let go by time alone.
 */
export function nextTickMs(
  state: PoolState,
  ticks: Ticks,
  nowMs: number,
  lastMs: number,
  slowTickMs = SLOW_TICK_MS,
): number {
  const everyMs = ticks === 'all' ? TICK_MS : tickEveryMs(state, ticks, slowTickMs);
  if (everyMs === Number.POSITIVE_INFINITY) return everyMs;
  if (lastMs > nowMs && lastMs <= nowMs + everyMs) return lastMs;
  return (Math.floor(nowMs / everyMs) + 1) * everyMs;
}

function tickEveryMs(state: PoolState, ticks: Ticks, slowTickMs: number): number {
  const standbysMissing = state.runners.size - runnersWithBase(state) < state.settings.standbys;
  if (state.unplaced.bases.size > 0 || (standbysMissing && state.waiting === 0)) return TICK_MS;
  if (state.waiting > 0) return SLOW_TICK_MS;
  return ticks === 'ttl' && runnersWithBase(state) > 0 ? slowTickMs : Number.POSITIVE_INFINITY;
}

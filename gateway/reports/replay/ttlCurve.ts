import { START_KINDS, type StartKind } from '../../domain/phases.ts';
import type { PoolSettings } from '../../pool/settings.ts';
import { Simulation } from './simulation.ts';
import type { Outcome } from './tally.ts';
import type { Trace } from './trace.ts';

/** What to replay, and with which times to live. Plain data: it goes to another thread. */
export interface TtlReplay {
  readonly trace: Trace;
  readonly settings: PoolSettings;
  /** Milliseconds; null: never by idleness. */
  readonly ttlsMs: readonly (number | null)[];
}

/** What one combo comes to with one time to live. */
export interface TtlPoint {
  /** Index into the fleet's combos. */
  readonly combo: number;
  readonly ttlMs: number | null;
  /** Begun, by kind; those that joined one are not counted. */
  readonly starts: Readonly<Record<Exclude<StartKind, 'warm'>, number>>;
  readonly waitedMs: number;
  readonly refused: number;
  /** Its context, and its share of its base, in bytes times milliseconds. */
  readonly byteMs: number;
}

const TIMES = { spawnMs: 0, detachMs: 5, stopMs: 150 } as const;
const LEAST_TICK_MS = 1000;
/** Of the time to live: what is let go up to so much later changes little. */
const TICK_SHARE = 1 / 30;

/** Replays a trace through the pool's own `decide`, once for each time to live; one row for each and combo. Deterministic. */
export function ttlCurve({ trace, settings, ttlsMs }: TtlReplay): TtlPoint[] {
  return ttlsMs.flatMap((ttlMs) => {
    const outcome = new Simulation(trace, {
      name: String(ttlMs),
      // What the books measured of starts is all of them: processes, staging and loading.
      settings: { ...settings, standbys: 0, store: null, deviceBytes: {} },
      times: TIMES,
      idleTtlMs: ttlMs,
      ticks: ttlMs === null ? 'no ttl' : 'ttl',
      slowTickMs: Math.max(LEAST_TICK_MS, (ttlMs ?? 0) * TICK_SHARE),
    }).run();
    return pointsOf(trace, ttlMs, outcome);
  });
}

function pointsOf({ fleet, arrivals }: Trace, ttlMs: number | null, outcome: Outcome): TtlPoint[] {
  const points = fleet.combos.map((_, combo) => ({
    combo,
    ttlMs,
    starts: { attach: 0, wake: 0, staged: 0, cold: 0 },
    waitedMs: 0,
    refused: 0,
    byteMs: outcome.byteMs[combo] ?? 0,
  }));
  for (const [request, combo] of arrivals.combo.entries()) {
    const point = points[combo];
    if (!point) continue;
    const grantedMs = outcome.grantedMs[request] ?? Number.NaN;
    if (Number.isNaN(grantedMs)) {
      point.refused += 1;
      continue;
    }
    point.waitedMs += grantedMs - (arrivals.atMs[request] ?? 0);
    const kind = START_KINDS[outcome.kinds[request] ?? 0];
    if (kind !== undefined && kind !== 'warm' && outcome.joins[request] === 0) point.starts[kind] += 1;
  }
  return points;
}

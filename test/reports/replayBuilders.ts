import type { PoolSettings } from '../../gateway/pool/settings.ts';
import type { Fleet, SimBase } from '../../gateway/reports/replay/fleet.ts';
import { Simulation, type SimulationOptions } from '../../gateway/reports/replay/simulation.ts';
import type { Outcome } from '../../gateway/reports/replay/tally.ts';
import { type Trace, toArrivals } from '../../gateway/reports/replay/trace.ts';
import { SETTINGS } from '../pool/builders.ts';

const base = (id: string, overrides: Partial<SimBase> = {}): SimBase => ({
  id,
  weightBytes: 1000,
  loadMs: 1000,
  contextBytes: 100,
  sequences: 1,
  ...overrides,
});

/** Two small bases and a large one, one sequence each; the adapters are of the first. */
export const FLEET: Fleet = {
  bases: [base('m'), base('n'), base('large', { weightBytes: 2000, loadMs: 2000, contextBytes: 200 })],
  combos: [
    { name: 'm', base: 0, attachMs: 10 },
    { name: 'n', base: 1, attachMs: 30 },
    { name: 'large', base: 2, attachMs: 40 },
    { name: 'm+a', base: 0, attachMs: 20 },
    { name: 'm+b', base: 0, attachMs: 50 },
  ],
};

/** By the names of `FLEET`: who asks when, and for how long it runs. */
export type Asked = readonly [name: string, atMs: number, durationMs?: number];

export function traceOf(asked: readonly Asked[], fleet: Fleet = FLEET): Trace {
  const rows = asked.map(([name, atMs, durationMs = 50]) => ({
    atMs,
    combo: fleet.combos.findIndex((combo) => combo.name === name),
    durationMs,
  }));
  return { name: 'test', fleet, arrivals: toArrivals(rows) };
}

export interface ReplayOptions extends Partial<Omit<SimulationOptions, 'settings'>> {
  readonly fleet?: Fleet;
  readonly settings?: Partial<PoolSettings>;
}

/** A spawn takes 300 ms, a detach 5, a stop 150; nothing goes by idleness unless told so. */
export function replay(asked: readonly Asked[], options: ReplayOptions = {}): Outcome {
  const { fleet = FLEET, settings, idleTtlMs = null, ...more } = options;
  return new Simulation(traceOf(asked, fleet), {
    name: 'test',
    times: { spawnMs: 300, detachMs: 5, stopMs: 150 },
    ticks: idleTtlMs === null ? 'no ttl' : 'ttl',
    ...more,
    idleTtlMs,
    settings: { ...SETTINGS, ...settings },
  }).run();
}

/** How long each request waited for its grant; NaN: it was refused. */
export function waitsOf(asked: readonly Asked[], { grantedMs }: Outcome): number[] {
  return asked.map(([, atMs], request) => (grantedMs[request] ?? 0) - atMs);
}

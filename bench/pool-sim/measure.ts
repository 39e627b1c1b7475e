import { catalogueOfFleet } from '../../gateway/reports/replay/fleet.ts';
import { Simulation } from '../../gateway/reports/replay/simulation.ts';
import type { Trace } from '../../gateway/reports/replay/trace.ts';
import { SETTINGS } from '../../test/pool/builders.ts';
import { lowerBoundMs } from './bound.ts';
import { Clairvoyant } from './clairvoyant.ts';
import { Forecaster } from './forecaster.ts';
import { gapsOf } from './gaps.ts';
import type { SimMachine, SimPolicy } from './policies.ts';
import type { Measured } from './report.ts';

/** One policy's run over the trace, and what the best plan could not have gone below for the very times that it served at. */
export function measurePolicy(trace: Trace, machine: SimMachine, policy: SimPolicy): Measured {
  const startedAtMs = performance.now();
  const outcome = simulationOf(trace, machine, policy).run();
  const wallMs = performance.now() - startedAtMs;
  const gaps = gapsOf(trace, outcome.grantedMs);
  return { ...outcome, wallMs, boundMs: lowerBoundMs(gaps, machine.memoryBytes, outcome.reloadMs) };
}

function simulationOf(trace: Trace, machine: SimMachine, policy: SimPolicy): Simulation {
  const { memoryBytes, maxRunners, maxCombosPerRunner, standbys, swapAfterMs, minResidencyMs } = machine;
  const { name, eviction, idleTtlMs, forecast } = policy;
  const isClairvoyant = eviction === 'clairvoyant';
  return new Simulation(trace, {
    name,
    settings: {
      ...SETTINGS,
      ...{ memoryBytes, maxRunners, maxCombosPerRunner, standbys, swapAfterMs, minResidencyMs },
      eviction: isClairvoyant ? 'gdsf' : eviction,
      startTimeoutMs: 900_000,
      spawnTimeoutMs: 900_000,
    },
    times: machine,
    idleTtlMs,
    ticks: machine.ticks === 'all' ? 'all' : idleTtlMs === null ? 'no ttl' : 'ttl',
    foresight: isClairvoyant ? new Clairvoyant(trace) : null,
    outlook: forecast ? new Forecaster(forecast, catalogueOfFleet(trace.fleet, idleTtlMs).combos) : null,
  });
}

import { lowerBoundMs } from './bound.ts';
import { gapsOf } from './gaps.ts';
import type { SimMachine, SimPolicy } from './policies.ts';
import type { Measured } from './report.ts';
import { Simulation } from './simulation.ts';
import type { Trace } from './trace.ts';

/** One policy's run over the trace, and what the best plan could not have gone below for the very times that it served at. */
export function measurePolicy(trace: Trace, machine: SimMachine, policy: SimPolicy): Measured {
  const outcome = new Simulation(trace, machine, policy).run();
  const gaps = gapsOf(trace, outcome.grantedMs);
  return { ...outcome, boundMs: lowerBoundMs(gaps, machine.memoryBytes, outcome.reloadMs) };
}

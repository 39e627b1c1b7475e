import type { Settings } from '../config.ts';
import type { PoolState } from '../pool/state.ts';
import type { Log } from '../ports/log.ts';
import type { Tracing } from '../ports/tracing.ts';
import type { PoolGauges } from '../telemetry/metrics.ts';
import { OtlpTraces } from '../telemetry/traces/otlpTraces.ts';
import { PassedTraces } from '../telemetry/traces/passedTraces.ts';

/** Traces by OTLP where an endpoint is set; without one nothing of OpenTelemetry is loaded. */
export async function openTracing({ traces }: Settings, log: Log): Promise<Tracing> {
  return traces === null ? new PassedTraces() : await OtlpTraces.open(traces, log);
}

export function poolGauges(state: PoolState): PoolGauges {
  return {
    waitingRequests: () => state.waiting,
    runnersByState: () => {
      const counts = new Map<string, number>();
      for (const { state: name } of state.runners.values()) counts.set(name, (counts.get(name) ?? 0) + 1);
      return counts;
    },
  };
}

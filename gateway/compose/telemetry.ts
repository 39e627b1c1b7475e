import type { RunnerCounters } from '../../runner/protocol/control.ts';
import type { Settings } from '../config.ts';
import type { RunnerId } from '../domain/ids.ts';
import { freeBytes } from '../pool/memory.ts';
import type { PoolState, Runner } from '../pool/state.ts';
import type { Clock } from '../ports/clock.ts';
import type { LiveEvents } from '../ports/eventLog.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Log } from '../ports/log.ts';
import type { RunnerOccupancy } from '../ports/telemetry.ts';
import type { Tracing } from '../ports/tracing.ts';
import type { IdempotencyDeps } from '../shell/idempotency/idempotentServing.ts';
import type { Patients } from '../shell/probes/prober.ts';
import type { RunnerFleet } from '../shell/runnerFleet.ts';
import { SHOWN_STATES, shownState } from '../shell/shownState.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Filling, PoolReadings } from '../telemetry/poolGauges.ts';
import { logReplay } from '../telemetry/requestLog.ts';
import { OtlpTraces } from '../telemetry/traces/otlpTraces.ts';
import { PassedTraces } from '../telemetry/traces/passedTraces.ts';

/** Traces by OTLP where an endpoint is set; without one nothing of OpenTelemetry is loaded. */
export async function openTracing({ traces }: Settings, log: Log): Promise<Tracing> {
  return traces === null ? new PassedTraces() : await OtlpTraces.open(traces, log);
}

/** What the runners said when they were probed last. */
export class RunnerCounts {
  readonly #last = new Map<RunnerId, RunnerCounters>();

  /** The runners as the prober sees them; what it asks is kept. */
  patients(fleet: RunnerFleet): Patients {
    return {
      up: () => fleet.up(),
      hangs: (id, hang) => fleet.hangs(id, hang),
      ping: async (id) => {
        const counters = await fleet.ping(id);
        this.#last.set(id, counters);
        return counters;
      },
    };
  }

  /** Those that have gone are forgotten. */
  occupancy({ runners }: PoolState): RunnerOccupancy[] {
    for (const id of this.#last.keys()) if (!runners.has(id)) this.#last.delete(id);
    return [...runners.values()].flatMap((runner) => {
      const counters = this.#last.get(runner.id);
      if (!counters || runner.model === null) return [];
      const possibleSequences = sequencesOf(runner);
      return [{ ...counters, runner: runner.id, base: runner.model.id, possibleSequences }];
    });
  }
}

function sequencesOf({ combos }: Runner): number {
  let sequences = 0;
  for (const slot of combos.values()) if (slot.state === 'ready') sequences += slot.sequences;
  return sequences;
}

/** What metrics read of the pool and the database. */
export function poolReadings(
  state: PoolState,
  counts: RunnerCounts,
  clock: Clock,
  ledger: PoolReadings['ledger'],
): PoolReadings {
  return {
    waitingRequests: () => state.waiting,
    runnersByState: () => {
      const byState = new Map<string, number>(SHOWN_STATES.map((name) => [name, 0]));
      for (const runner of state.runners.values()) {
        const name = shownState(runner);
        byState.set(name, (byState.get(name) ?? 0) + 1);
      }
      return byState;
    },
    memory: () => memoryOf(state),
    store: () => storeOf(state),
    // Also those are kept that are over, and single failures.
    quarantines: () =>
      [...state.quarantines.values()].filter(({ untilMs }) => untilMs > clock.monoMs()).length,
    occupancy: () => counts.occupancy(state),
    ledger,
  };
}

function memoryOf(state: PoolState): Map<string, Filling> {
  const budget = state.settings.memoryBytes;
  const fillings = new Map([['host', { used: budget - freeBytes(state), budget }]]);
  for (const { name, budgetBytes } of state.devices.values())
    fillings.set(name, { used: budgetBytes - freeBytes(state, name), budget: budgetBytes });
  return fillings;
}

function storeOf({ store }: PoolState): Map<string, Filling> {
  const fillings = new Map<string, Filling>();
  if (store === null) return fillings;
  for (const book of ['bases', 'adapters'] as const) {
    let used = 0;
    for (const segments of [store.segments, store.leaving])
      for (const segment of segments.values()) if (segment.book === book) used += segment.bytes;
    fillings.set(book, { used, budget: store.budgets[book] });
  }
  return fillings;
}

/** The ledger, whose rows' way to the disk is measured. */
export function timedLedger(ledger: Ledger, metrics: Metrics, clock: Clock): Ledger {
  return {
    open: (admission, attempt) => ledger.open(admission, attempt),
    creditAttempts: (order) => ledger.creditAttempts(order),
    lastAttempt: (keyHash, sinceEpochMs) => ledger.lastAttempt(keyHash, sinceEpochMs),
    async append(record) {
      const from = clock.monoMs();
      const isWritten = ledger.append(record);
      isWritten.then(
        () => metrics.ledgerWritten(clock.monoMs() - from, true),
        () => metrics.ledgerWritten(clock.monoMs() - from, false),
      );
      await isWritten;
    },
  };
}

/** Where it is told that a request got an earlier answer again. */
export function replaysTold(tracing: Tracing, metrics: Metrics, log: Log): IdempotencyDeps['onReplayed'] {
  return ({ trace }, ending) => {
    metrics.replayed(ending.endpoint);
    tracing.unrecorded(ending);
    logReplay(log, trace, ending);
  };
}

/** Counts what happens, until the feed closes. */
export function countEvents(events: Pick<LiveEvents, 'listen'>, metrics: Metrics): void {
  events.listen({ event: ({ type }) => metrics.poolEvent(type), end: () => {} });
}

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ComboName } from '../domain/ids.ts';
import { PHASES } from '../domain/phases.ts';
import type { RequestRecord } from '../domain/requestRecord.ts';
import type { StartRecord, Telemetry } from '../ports/telemetry.ts';

/** From 1 ms to 10 minutes: a warm first token and a 20 GB base over a bad network share one axis. */
const SECONDS_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
];
const MS = 1000;
/** Combos are client-made (any scale is another combo): past this many the label says `other`. */
const MAX_COMBO_LABELS = 200;

/** What is read when Prometheus asks. */
export interface PoolGauges {
  waitingRequests(): number;
  runnersByState(): ReadonlyMap<string, number>;
}

/** Prometheus metrics in base units. Labels come from the catalogue, never from request text. */
export class Metrics implements Telemetry {
  readonly #registry = new Registry();
  readonly #comboLabels = new Set<string>();
  readonly #requests = new Counter({
    name: 'hearth_requests_total',
    help: 'Requests for inference that have ended.',
    labelNames: ['combo', 'start', 'endpoint', 'status', 'error'],
    registers: [this.#registry],
  });
  readonly #duration = this.#histogram('hearth_request_duration_seconds', 'Arrival to the last byte.');
  readonly #ttft = this.#histogram('hearth_time_to_first_token_seconds', 'Arrival to the first token.');
  readonly #tpot = this.#histogram(
    'hearth_time_per_output_token_seconds',
    'Per output token after the first.',
  );
  readonly #phase = new Histogram({
    name: 'hearth_request_phase_seconds',
    help: "Phases of a request's wall time.",
    labelNames: ['combo', 'start', 'phase'],
    buckets: SECONDS_BUCKETS,
    registers: [this.#registry],
  });
  readonly #tokens = new Counter({
    name: 'hearth_tokens_total',
    help: 'Tokens by direction; cached ones are part of input.',
    labelNames: ['combo', 'direction'],
    registers: [this.#registry],
  });
  readonly #starts = this.#histogram(
    'hearth_start_duration_seconds',
    'A start of a combo, from its order to ready.',
  );
  readonly #startFailures = new Counter({
    name: 'hearth_start_failures_total',
    help: 'Starts of a combo that failed.',
    labelNames: ['combo', 'code'],
    registers: [this.#registry],
  });

  readonly #slowStarts = new Counter({
    name: 'hearth_slow_starts_total',
    help: 'Starts that took more than three times their prediction.',
    labelNames: ['base'],
    registers: [this.#registry],
  });
  readonly #hangs = new Counter({
    name: 'hearth_runner_hangs_total',
    help: 'Runners that did not answer probes (silent) or stood still with work in hand (stalled).',
    labelNames: ['base', 'cause'],
    registers: [this.#registry],
  });

  constructor(gauges: PoolGauges) {
    collectDefaultMetrics({ register: this.#registry });
    new Gauge({
      name: 'hearth_waiting_requests',
      help: 'Requests that wait for a runner.',
      registers: [this.#registry],
      collect() {
        this.set(gauges.waitingRequests());
      },
    });
    new Gauge({
      name: 'hearth_runners',
      help: 'Living runner processes by state.',
      labelNames: ['state'],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [state, count] of gauges.runnersByState()) this.set({ state }, count);
      },
    });
  }

  requestEnded(record: RequestRecord): void {
    const labels = { combo: this.#comboLabel(record.combo), start: record.startKind ?? 'none' };
    const { endpoint, httpStatus, errorCode } = record;
    this.#requests.inc({ ...labels, endpoint, status: String(httpStatus), error: errorCode ?? '' });
    if (record.errorCode !== null) return;
    this.#duration.observe(labels, record.totalMs / MS);
    if (record.ttftMs !== null) this.#ttft.observe(labels, record.ttftMs / MS);
    if (record.tpotMs !== null) this.#tpot.observe(labels, record.tpotMs / MS);
    for (const phase of PHASES) {
      const ms = record.phasesMs[phase];
      if (ms !== undefined) this.#phase.observe({ ...labels, phase }, ms / MS);
    }
    this.#tokens.inc({ combo: labels.combo, direction: 'input' }, record.promptTokens);
    this.#tokens.inc({ combo: labels.combo, direction: 'cached' }, record.cachedTokens);
    this.#tokens.inc({ combo: labels.combo, direction: 'output' }, record.completionTokens);
  }

  startEnded(record: StartRecord): void {
    this.#starts.observe({ combo: this.#comboLabel(record.combo), start: record.kind }, record.totalMs / MS);
  }

  startFailed(combo: ComboName, code: string): void {
    this.#startFailures.inc({ combo: this.#comboLabel(combo), code });
  }

  startSlow(base: ComboName): void {
    this.#slowStarts.inc({ base: this.#comboLabel(base) });
  }

  runnerHung(base: ComboName, cause: string): void {
    this.#hangs.inc({ base: this.#comboLabel(base), cause });
  }

  /** Prometheus' text exposition format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #histogram(name: string, help: string): Histogram<'combo' | 'start'> {
    return new Histogram({
      name,
      help,
      labelNames: ['combo', 'start'],
      buckets: SECONDS_BUCKETS,
      registers: [this.#registry],
    });
  }

  #comboLabel(combo: string | null): string {
    if (combo === null) return 'none';
    if (this.#comboLabels.has(combo)) return combo;
    if (this.#comboLabels.size >= MAX_COMBO_LABELS) return 'other';
    this.#comboLabels.add(combo);
    return combo;
  }
}

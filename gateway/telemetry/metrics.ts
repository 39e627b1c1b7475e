import {
  Counter,
  collectDefaultMetrics,
  Histogram,
  type OpenMetricsContentType,
  Registry,
} from 'prom-client';
import { ERROR_TABLE, type ErrorCode } from '../domain/errors.ts';
import type { ComboName } from '../domain/ids.ts';
import { PHASES } from '../domain/phases.ts';
import type { Endpoint, RequestRecord } from '../domain/requestRecord.ts';
import type { Door, NamedCombos, StartRecord, Telemetry } from '../ports/telemetry.ts';
import type { Tracing } from '../ports/tracing.ts';
import { ComboLabels } from './comboLabels.ts';
import { plainText } from './plainText.ts';
import { type PoolReadings, registerPoolGauges } from './poolGauges.ts';
import { registerTraceMetrics } from './traceMetrics.ts';

/** From 1 ms to 10 minutes: a warm first token and a 20 GB base over a bad network share one axis. */
const SECONDS_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
];
const MS = 1000;

/** Prometheus metrics in base units. Labels come from the catalogue, never from request text. */
export class Metrics implements Telemetry {
  readonly #registry = openMetricsRegistry();
  readonly #combos: ComboLabels;
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
  readonly #startPhase = new Histogram({
    name: 'hearth_start_phase_seconds',
    help: 'Phases of starts, whoever waited for them.',
    labelNames: ['start', 'phase'],
    buckets: SECONDS_BUCKETS,
    registers: [this.#registry],
  });
  readonly #startTiers = new Counter({
    name: 'hearth_starts_total',
    help: 'Starts that ended well, by where their weights were.',
    labelNames: ['start', 'tier'],
    registers: [this.#registry],
  });
  readonly #startBytes = new Counter({
    name: 'hearth_start_staged_bytes_total',
    help: 'Bytes that starts had brought into the weight store.',
    labelNames: ['start', 'tier'],
    registers: [this.#registry],
  });
  readonly #refusals = new Counter({
    name: 'hearth_refusals_total',
    help: 'Requests that were refused by limits of their key, its budget, or the queue.',
    labelNames: ['code'],
    registers: [this.#registry],
  });
  readonly #refusedCredentials = new Counter({
    name: 'hearth_refused_credentials_total',
    help: 'Requests and logins without a credential that is good for that door.',
    labelNames: ['door', 'code'],
    registers: [this.#registry],
  });
  readonly #replays = new Counter({
    name: 'hearth_replays_total',
    help: 'Requests that got an earlier answer again under their idempotency key.',
    labelNames: ['endpoint'],
    registers: [this.#registry],
  });
  readonly #poolEvents = new Counter({
    name: 'hearth_pool_events_total',
    help: 'What happened to runners, combos, segments and pins, by type of event.',
    labelNames: ['type'],
    registers: [this.#registry],
  });
  readonly #commits = new Histogram({
    name: 'hearth_ledger_write_seconds',
    help: 'From a row to the ledger until it is on disk.',
    buckets: SECONDS_BUCKETS,
    registers: [this.#registry],
  });
  readonly #ledgerFailures = new Counter({
    name: 'hearth_ledger_failures_total',
    help: 'Rows that the disk refused.',
    registers: [this.#registry],
  });
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

  constructor(readings: PoolReadings, named: NamedCombos, tracing: Pick<Tracing, 'spanCounts'>) {
    this.#combos = new ComboLabels(named);
    collectDefaultMetrics({ register: this.#registry });
    registerPoolGauges(this.#registry, readings);
    registerTraceMetrics(this.#registry, () => tracing.spanCounts());
  }

  requestEnded(record: RequestRecord): void {
    const labels = { combo: this.#combos.of(record.combo), start: record.startKind ?? 'none' };
    const { endpoint, httpStatus, errorCode } = record;
    const error = errorCode === null ? '' : errorLabel(errorCode);
    this.#requests.inc({ ...labels, endpoint, status: String(httpStatus), error });
    if (httpStatus === 429) this.#refusals.inc({ code: error });
    if (record.errorCode !== null) return;
    const exemplar = exemplarOf(record);
    this.#duration.observe({ labels, value: record.totalMs / MS, ...exemplar });
    if (record.ttftMs !== null) this.#ttft.observe({ labels, value: record.ttftMs / MS, ...exemplar });
    if (record.tpotMs !== null) this.#tpot.observe({ labels, value: record.tpotMs / MS, ...exemplar });
    for (const phase of PHASES) {
      const ms = record.phasesMs[phase];
      if (ms !== undefined) this.#phase.observe({ ...labels, phase }, ms / MS);
    }
    this.#tokens.inc({ combo: labels.combo, direction: 'input' }, record.promptTokens);
    this.#tokens.inc({ combo: labels.combo, direction: 'cached' }, record.cachedTokens);
    this.#tokens.inc({ combo: labels.combo, direction: 'output' }, record.completionTokens);
  }

  startEnded(record: StartRecord): void {
    const { kind: start, detail } = record;
    const labels = { combo: this.#combos.of(record.combo), start };
    this.#starts.observe({ labels, value: record.totalMs / MS });
    for (const phase of PHASES) {
      const ms = record.phasesMs[phase];
      if (ms !== undefined) this.#startPhase.observe({ start, phase }, ms / MS);
    }
    const tier = detail?.tier ?? 'unknown';
    this.#startTiers.inc({ start, tier });
    this.#startBytes.inc({ start, tier }, detail?.staged?.bytes ?? 0);
  }

  startFailed(combo: ComboName, code: string): void {
    this.#startFailures.inc({ combo: this.#combos.of(combo), code });
  }

  startSlow(base: ComboName): void {
    this.#slowStarts.inc({ base: this.#combos.of(base) });
  }

  runnerHung(base: ComboName, cause: string): void {
    this.#hangs.inc({ base: this.#combos.of(base), cause });
  }

  credentialRefused(door: Door, code: ErrorCode): void {
    this.#refusedCredentials.inc({ door, code });
  }

  replayed(endpoint: Endpoint): void {
    this.#replays.inc({ endpoint });
  }

  /** `type`: of an event of the pool or the catalogue; a closed set. */
  poolEvent(type: string): void {
    this.#poolEvents.inc({ type });
  }

  /** A row was given to the ledger; `isWritten`: it is on disk. */
  ledgerWritten(tookMs: number, isWritten: boolean): void {
    if (isWritten) this.#commits.observe(tookMs / MS);
    else this.#ledgerFailures.inc();
  }

  /** OpenMetrics, with exemplars; or Prometheus' older text format, which has none. */
  async text(format: 'openmetrics' | 'plain'): Promise<string> {
    const text = await this.#registry.metrics();
    return format === 'openmetrics' ? text : plainText(text);
  }

  #histogram(name: string, help: string): Histogram<'combo' | 'start' | 'trace_id'> {
    return new Histogram({
      name,
      help,
      labelNames: ['combo', 'start'],
      buckets: SECONDS_BUCKETS,
      enableExemplars: true,
      registers: [this.#registry],
    });
  }
}

/** An engine's own code is text of others. */
function errorLabel(code: string): string {
  return Object.hasOwn(ERROR_TABLE, code) ? code : 'other';
}

/** Only a trace that was kept can be looked at. */
function exemplarOf({ trace }: RequestRecord): { exemplarLabels?: { trace_id: string } } {
  return trace?.isSampled ? { exemplarLabels: { trace_id: trace.traceId } } : {};
}

/** Exemplars need one. prom-client's types know the other kind only where it is used. */
function openMetricsRegistry(): Registry {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  return registry as unknown as Registry;
}

import type { Context, Span, SpanContext, Tracer } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { Sampler, SpanProcessor } from '@opentelemetry/sdk-trace';
import { LRUCache } from 'lru-cache';
import type { PhaseSpan } from '../../domain/phases.ts';
import type { RequestRecord } from '../../domain/requestRecord.ts';
import { parseTraceparent, type TraceContext, traceparentOf } from '../../domain/trace.ts';
import type { Log } from '../../ports/log.ts';
import type { SpanCounts, TracedArrival, Tracing, UnrecordedEnding } from '../../ports/tracing.ts';
import {
  arrivalAttributes,
  errorType,
  requestAttributes,
  runnerAttributes,
  spanName,
  startAttributes,
  unrecordedAttributes,
} from './attributes.ts';
import { loadPackages, type Packages } from './packages.ts';
import { type SamplerChoice, samplerOf } from './sampler.ts';
import { CountedSpans } from './spanCounts.ts';

/** Where traces go, and which. */
export interface TraceSettings {
  /** OTLP over HTTP, protobuf, path included. */
  readonly url: string;
  /** Between two batches. */
  readonly delayMs: number;
  /** Spans that wait for the collector; more are dropped. */
  readonly queueSpans: number;
  readonly batchSpans: number;
  readonly sampler: SamplerChoice;
}

/** Runners come and go: what is kept of those that have gone is bounded. */
const MOST_RUNNERS = 64;
/** Requests that began a start, for those who joined it. */
const MOST_STARTERS = 4096;
const SCOPE = 'hearth';
const START_PHASES: ReadonlySet<string> = new Set(['spawn', 'stage', 'load', 'attach', 'context']);
/** What of a start the gateway and its stager do; the rest happens in the runner's process. */
const OUTSIDE_RUNNER: ReadonlySet<string> = new Set(['spawn', 'stage']);

/**
 * Traces by OTLP. A request's own span begins at the door, since its id goes to the runner and into the log; all below it is
 * made at its end from its record, so that durations are those of the ledger. Spans of the runner's process are made here
 * too, under its resource (docs/telemetry.md says why).
 */
export class OtlpTraces implements Tracing {
  readonly #packages: Packages;
  readonly #counted = new CountedSpans();
  readonly #processor: SpanProcessor;
  readonly #sampler: Sampler;
  readonly #resource: Resource;
  readonly #gateway: Tracer;
  readonly #runners = new LRUCache<string, Tracer>({ max: MOST_RUNNERS });
  readonly #open = new Map<string, Span>();
  readonly #starters = new LRUCache<string, SpanContext>({ max: MOST_STARTERS });

  /** Loads the packages. */
  static async open(settings: TraceSettings, log: Log): Promise<OtlpTraces> {
    const packages = await loadPackages();
    const told = (message: string) => log.warn({ error: message }, 'traces were not exported');
    const quiet = () => {};
    const logger = { error: told, warn: told, info: quiet, debug: quiet, verbose: quiet };
    packages.api.diag.setLogger(logger, packages.api.DiagLogLevel.WARN);
    return new OtlpTraces(settings, packages);
  }

  private constructor(settings: TraceSettings, packages: Packages) {
    const { url, delayMs, queueSpans, batchSpans, sampler } = settings;
    const { sdk, resources, OTLPTraceExporter } = packages;
    this.#packages = packages;
    this.#processor = new sdk.BatchSpanProcessor({
      exporter: new OTLPTraceExporter({ url }),
      scheduledDelayMillis: delayMs,
      maxQueueSize: queueSpans,
      maxExportBatchSize: batchSpans,
      selfObsMeterProvider: this.#counted.meterProvider(packages),
    });
    this.#sampler = samplerOf(sampler, packages);
    const environment = resources.detectResources({ detectors: [resources.envDetector] });
    this.#resource = resources.resourceFromAttributes({ 'service.name': 'hearth' }).merge(environment);
    this.#gateway = this.#tracerOf(this.#resource, this.#sampler);
  }

  begin({ requestId, endpoint, arrivedAtEpochMs, traceparent, tracestate }: TracedArrival): TraceContext {
    const { api } = this.#packages;
    const parent = traceparent === undefined ? null : parseTraceparent(traceparent, tracestate);
    const span = this.#gateway.startSpan(
      spanName(endpoint, null),
      {
        kind: api.SpanKind.SERVER,
        startTime: arrivedAtEpochMs,
        attributes: arrivalAttributes(endpoint, requestId),
      },
      parent ? this.#contextOf(parent) : api.ROOT_CONTEXT,
    );
    this.#open.set(requestId, span);
    const { traceId, spanId, traceFlags } = span.spanContext();
    const isSampled = (traceFlags & api.TraceFlags.SAMPLED) !== 0;
    if (isSampled) this.#starters.set(requestId, span.spanContext());
    return {
      traceId,
      spanId,
      isSampled,
      traceparent: traceparentOf(traceId, spanId, isSampled),
      tracestate: parent?.tracestate ?? null,
    };
  }

  ended(record: RequestRecord): void {
    const span = this.#taken(record.requestId);
    if (!span) return;
    const { arrivedAtEpochMs, totalMs } = record;
    if (span.isRecording()) {
      span.updateName(spanName(record.endpoint, record.combo));
      span.setAttributes(requestAttributes(record));
      this.#setStatus(span, record);
      this.#tellPhases(span, record);
    }
    span.end(arrivedAtEpochMs + totalMs);
  }

  unrecorded(ending: UnrecordedEnding): void {
    const span = this.#taken(ending.requestId);
    if (!span) return;
    this.#starters.delete(ending.requestId);
    span.updateName(spanName(ending.endpoint, ending.combo));
    span.setAttributes(unrecordedAttributes(ending));
    this.#setStatus(span, ending);
    span.end(ending.arrivedAtEpochMs + ending.totalMs);
  }

  over(requestId: string): void {
    this.#taken(requestId)?.end();
  }

  spanCounts(): SpanCounts {
    return this.#counted.counts;
  }

  async close(): Promise<void> {
    for (const requestId of [...this.#open.keys()]) this.over(requestId);
    // A collector that is away must not hold up the gateway's end for ever: the exporter has a timeout of its own.
    await this.#processor.shutdown().catch(() => {});
  }

  /** The request's own span, if it is open still. */
  #taken(requestId: string): Span | undefined {
    const span = this.#open.get(requestId);
    this.#open.delete(requestId);
    return span;
  }

  #setStatus(span: Span, { errorCode, httpStatus }: Pick<RequestRecord, 'errorCode' | 'httpStatus'>): void {
    // Of a server's span an error of the client's is none (HTTP semantic conventions, "Status").
    if (errorCode === null || (httpStatus >= 400 && httpStatus < 500)) return;
    span.setStatus({ code: this.#packages.api.SpanStatusCode.ERROR, message: errorType(errorCode) });
  }

  #tellPhases(root: Span, record: RequestRecord): void {
    const spans = record.trace?.spans ?? [];
    const inRunner = spans.findIndex(({ phase }) => phase === 'prefill');
    const granted = inRunner > 0 && spans[inRunner - 1]?.phase === 'queue' && isQueuedInRunner(record);
    const from = inRunner === -1 ? spans.length : inRunner - (granted ? 1 : 0);
    const before = spans.slice(0, from);
    const starting = before.filter(({ phase }) => START_PHASES.has(phase));
    this.#tellStart(root, record, starting);
    for (const piece of before) if (piece.phase === 'queue') this.#tell(this.#gateway, root, record, piece);
    this.#tellAnswer(root, record, spans.slice(from));
  }

  /** From the first to the last moment in which the request waited for a start. */
  #tellStart(root: Span, record: RequestRecord, pieces: readonly PhaseSpan[]): void {
    const [first, last] = [pieces[0], pieces.at(-1)];
    if (!first || !last) return;
    const link = this.#linkOf(record);
    const span = this.#gateway.startSpan(
      'start',
      {
        startTime: record.arrivedAtEpochMs + first.startMs,
        attributes: startAttributes(record),
        ...(link ? { links: [{ context: link }] } : {}),
      },
      this.#under(root),
    );
    for (const piece of pieces) {
      const isOutside = OUTSIDE_RUNNER.has(piece.phase);
      this.#tell(isOutside ? this.#gateway : this.#runnerOf(record), span, record, piece);
    }
    if (!record.joined) this.#tellDownloads(span, record);
    span.end(record.arrivedAtEpochMs + last.endMs);
  }

  #tellDownloads(parent: Span, { arrivedAtEpochMs, trace }: RequestRecord): void {
    for (const { startMs, endMs } of trace?.downloads ?? []) {
      const startTime = arrivedAtEpochMs + startMs;
      this.#gateway.startSpan('download', { startTime }, this.#under(parent)).end(arrivedAtEpochMs + endMs);
    }
  }

  /** Who joined a start is pointed to the one who began it, whose trace has all of it. */
  #linkOf({ joined, startShare, requestId }: RequestRecord): SpanContext | null {
    if (!joined || !startShare) return null;
    const [starter = ''] = startShare.startId.split('.');
    return starter === requestId ? null : (this.#starters.get(starter) ?? null);
  }

  #tellAnswer(root: Span, record: RequestRecord, pieces: readonly PhaseSpan[]): void {
    const [first, last] = [pieces[0], pieces.at(-1)];
    if (!first || !last) return;
    const tracer = this.#runnerOf(record);
    const { SpanKind } = this.#packages.api;
    const span = tracer.startSpan(
      spanName(record.endpoint, record.combo),
      {
        kind: SpanKind.SERVER,
        startTime: record.arrivedAtEpochMs + first.startMs,
        attributes: runnerAttributes(record),
      },
      this.#under(root),
    );
    for (const piece of pieces) this.#tell(tracer, span, record, piece);
    span.end(record.arrivedAtEpochMs + last.endMs);
  }

  #tell(
    tracer: Tracer,
    parent: Span,
    { arrivedAtEpochMs }: RequestRecord,
    { phase, startMs, endMs }: PhaseSpan,
  ): void {
    const startTime = arrivedAtEpochMs + startMs;
    const attributes = { 'hearth.phase': phase };
    tracer.startSpan(phase, { startTime, attributes }, this.#under(parent)).end(arrivedAtEpochMs + endMs);
  }

  #under(span: Span): Context {
    const { api } = this.#packages;
    return api.trace.setSpan(api.ROOT_CONTEXT, span);
  }

  #contextOf({ traceId, spanId, isSampled, tracestate }: TraceContext): Context {
    const { api } = this.#packages;
    return api.trace.setSpanContext(api.ROOT_CONTEXT, {
      traceId,
      spanId,
      isRemote: true,
      traceFlags: isSampled ? api.TraceFlags.SAMPLED : api.TraceFlags.NONE,
      ...(tracestate === null ? {} : { traceState: api.createTraceState(tracestate) }),
    });
  }

  /** Its process has a resource of its own. */
  #runnerOf({ runnerId }: RequestRecord): Tracer {
    if (runnerId === null) return this.#gateway;
    const known = this.#runners.get(runnerId);
    if (known) return known;
    const own = this.#packages.resources.resourceFromAttributes({
      'service.name': 'hearth-runner',
      'service.instance.id': runnerId,
    });
    // Its spans are below one that was sampled: that is decided.
    const tracer = this.#tracerOf(this.#resource.merge(own), new this.#packages.sdk.AlwaysOnSampler());
    this.#runners.set(runnerId, tracer);
    return tracer;
  }

  #tracerOf(resource: Resource, sampler: Sampler): Tracer {
    const { TracerProvider } = this.#packages.sdk;
    return new TracerProvider({ resource, sampler, spanProcessors: [this.#processor] }).getTracer(SCOPE);
  }
}

/** A sequence was waited for inside the runner, and that piece lies before the prefill. */
function isQueuedInRunner({ trace }: RequestRecord): boolean {
  return (trace?.runner?.queueMs ?? 0) > 0;
}

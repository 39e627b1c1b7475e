import type { PhaseSpan } from './phases.ts';

/** What stands for a request in a trace (W3C Trace Context, level 1). Ids in lower-case hex: 32 and 16 digits. */
export interface TraceContext {
  readonly traceId: string;
  /** The request's own span here; of a trace that only passes through, the client's. */
  readonly spanId: string;
  readonly isSampled: boolean;
  /** As the runner is told it. */
  readonly traceparent: string;
  /** Of the client, passed on unread; null: none came. */
  readonly tracestate: string | null;
}

/** The times that a runner tells of one answer, by its own clock. */
export interface RunnerTimes {
  readonly queueMs: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
}

/** Moments of a request, in milliseconds from its arrival. */
export interface Moments {
  readonly startMs: number;
  readonly endMs: number;
}

/** A request's trace at its end. */
export interface RecordedTrace extends TraceContext {
  /** The pieces of its wall time, which add up to its phases. Moments in milliseconds from its arrival. */
  readonly spans: readonly PhaseSpan[];
  /** When weights were brought to this machine for the start that it began: inside and beside its phases. */
  readonly downloads: readonly Moments[];
  /** null: no runner has told. */
  readonly runner: RunnerTimes | null;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** As the specification demands of those who pass it on at least (3.3.1.5). */
const MOST_TRACESTATE = 512;
/** Printable ASCII: what else a header may have is nobody's business to pass on. */
const TRACESTATE = /^[\x20-\x7e]*$/;
const SAMPLED = 0x01;

/** Reads a client's headers; null: it sent none, or none that is valid, which begins a trace of its own. */
export function parseTraceparent(
  traceparent: string | undefined,
  tracestate: string | undefined,
): TraceContext | null {
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined)
    return null;
  const isOfVersion = version === 'ff' ? false : version !== '00' || rest === undefined;
  if (!isOfVersion || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  const isSampled = (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED;
  const isKept =
    tracestate !== undefined && tracestate.length <= MOST_TRACESTATE && TRACESTATE.test(tracestate);
  return {
    traceId,
    spanId,
    isSampled,
    traceparent: traceparentOf(traceId, spanId, isSampled),
    tracestate: isKept ? tracestate : null,
  };
}

export function traceparentOf(traceId: string, spanId: string, isSampled: boolean): string {
  return `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`;
}

/** What log lines of a request carry, by the names of OpenTelemetry's log data model for JSON. */
export function traceFields(trace: TraceContext | null | undefined): object {
  return trace ? { trace_id: trace.traceId, span_id: trace.spanId } : {};
}

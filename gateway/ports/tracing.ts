import type { ErrorCode } from '../domain/errors.ts';
import type { ComboName } from '../domain/ids.ts';
import type { Endpoint, RequestRecord } from '../domain/requestRecord.ts';
import type { TraceContext } from '../domain/trace.ts';

/** A request as it comes in at the door. */
export interface TracedArrival {
  readonly requestId: string;
  readonly endpoint: Endpoint;
  readonly arrivedAtEpochMs: number;
  /** The client's headers. */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

/** How a request ended that has no record: one that got an earlier answer again, or that no API key let in. */
export interface UnrecordedEnding {
  readonly requestId: string;
  readonly endpoint: Endpoint;
  /** null: not known. */
  readonly combo: ComboName | null;
  /** Whose answer it got again; null: nobody's. */
  readonly replayOf: string | null;
  readonly httpStatus: number;
  readonly errorCode: ErrorCode | null;
  readonly arrivedAtEpochMs: number;
  /** On the monotonic clock, in milliseconds. */
  readonly totalMs: number;
}

/** What became of spans since the gateway's start. */
export interface SpanCounts {
  readonly sent: number;
  /** Dropped: the collector took them more slowly than they came. */
  readonly queueFull: number;
  /** Dropped: the collector refused them, or did not answer. */
  readonly failed: number;
}

/** Traces of requests. What is told of one is made at its end, from its record. */
export interface Tracing {
  /** null: nothing is traced, and the client brought no trace. */
  begin(arrival: TracedArrival): TraceContext | null;
  ended(record: RequestRecord): void;
  /** One without a record, in place of `ended`. */
  unrecorded(ending: UnrecordedEnding): void;
  /** The request is over; one of which nothing was told is closed with what is known. Idempotent. */
  over(requestId: string): void;
  /** null: nothing is exported. */
  spanCounts(): SpanCounts | null;
  /** Sends what is left. */
  close(): Promise<void>;
}

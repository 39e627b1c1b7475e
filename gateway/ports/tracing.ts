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

/** Traces of requests. What is told of one is made at its end, from its record. */
export interface Tracing {
  /** null: nothing is traced, and the client brought no trace. */
  begin(arrival: TracedArrival): TraceContext | null;
  ended(record: RequestRecord): void;
  /** The request is over; one that never had a record is closed with what is known. Idempotent. */
  over(requestId: string): void;
  /** Sends what is left. */
  close(): Promise<void>;
}

import type { Reservation } from '../domain/admission.ts';
import type { Combo } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';
import type { RequestId } from '../domain/ids.ts';
import type { Endpoint } from '../domain/requestRecord.ts';
import type { TraceContext } from '../domain/trace.ts';
import type { KeyedAttempt } from '../ports/ledger.ts';

/** A request for inference that has passed the door: validated, normalised, its combo known. */
export interface InferenceRequest {
  readonly requestId: RequestId;
  readonly endpoint: Endpoint;
  readonly keyId: string | null;
  readonly combo: Combo;
  /** The normalised body (runner/protocol/request.ts) as JSON, `model` set to what the answer shall name. */
  readonly body: string;
  readonly reservation: Reservation;
  readonly stream: boolean;
  /** `stream_options.include_usage`. */
  readonly includeUsage: boolean;
  /** Answer with the deprecated `function_call`. */
  readonly legacyFunctions: boolean;
  /** From `keep_alive`: milliseconds, Infinity for never by idleness; undefined when not given. */
  readonly keepAliveMs: number | undefined;
  /** Whose it is: what the pool is fair between. Opaque; never logged or stored. */
  readonly tenant: string;
  /** Its share of the turns against others; above 0. */
  readonly weight: number;
  /** OpenAI's `service_tier`, as the answer tells it; null: the request did not ask. */
  readonly serviceTier: ServiceTier | null;
  /** From `x-hearth-deadline-ms`, counted from the arrival; null: the configured one. */
  readonly deadlineMs: number | null;
  /** From `Idempotency-Key`; null: it came without one. */
  readonly attempt: KeyedAttempt | null;
  /** Names of fields that were accepted without effect. */
  readonly ignored: readonly string[];
  /** null or absent: it is part of no trace. */
  readonly trace?: TraceContext | null;
  readonly arrivedMonoMs: number;
  readonly arrivedAtEpochMs: number;
}

/** OpenAI's name of how a request was processed. */
export type ServiceTier = 'default' | 'flex';

/** Where an answer goes: one client's connection. */
export interface ResponseSink {
  /** Called once, before any write. */
  head(status: number, headers: Readonly<Record<string, string>>): void;
  /** False when the client has gone or its buffer is over the bound (then the sink has closed itself). */
  write(bytes: Uint8Array | string): boolean;
  end(bytes?: Uint8Array | string): void;
  /** Called once in place of head, write and end: the OpenAI envelope of a failure. */
  fail(failure: Failure, headers: Readonly<Record<string, string>>): void;
  /** Cuts the connection without a proper end. */
  destroy(): void;
  readonly headSent: boolean;
  readonly bytesWritten: number;
  /** Called at most once, when the client goes before the end. `slow`: it did not read and its buffer was full. */
  onGone(listener: (reason: 'closed' | 'slow') => void): void;
}

/** The use case of all inference endpoints. Resolves when the answer has ended, whatever became of it. */
export interface Inference {
  serve(request: InferenceRequest, sink: ResponseSink): Promise<void>;
  /**
   * Writes the ledger row of a request that was refused at the door; it is told so after. Resolves when the row is on
   * disk, or the disk has refused it.
   */
  refused(refusal: RefusedRequest): Promise<void>;
}

export interface RefusedRequest {
  readonly requestId: RequestId;
  readonly endpoint: Endpoint;
  readonly keyId: string | null;
  readonly combo: Combo | null;
  readonly stream: boolean;
  readonly httpStatus: number;
  readonly errorCode: string;
  readonly trace?: TraceContext | null;
  readonly arrivedMonoMs: number;
  readonly arrivedAtEpochMs: number;
}

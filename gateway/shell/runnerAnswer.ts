import type { IncomingHttpHeaders } from 'node:http';
import { errors, type Pool } from 'undici';
import {
  COMBO_HEADER,
  LEGACY_FUNCTIONS_HEADER,
  REPORT_HEADER,
  REQUEST_ID_HEADER,
  type RunnerReport,
  runnerReportSchema,
  SERVICE_TIER_HEADER,
} from '../../runner/protocol/report.ts';
import type { TraceContext } from '../domain/trace.ts';
import type { InferenceRequest } from './inference.ts';
import { RunnerCall } from './runnerCall.ts';

/** What came of one call to a runner. */
export type RunnerAnswer =
  /** A whole stream has passed through `onData`. */
  | { readonly type: 'streamed'; readonly report: RunnerReport }
  | { readonly type: 'whole'; readonly body: Buffer; readonly report: RunnerReport }
  /** The runner refused the request with an OpenAI envelope of its own. */
  | { readonly type: 'refused'; readonly status: number; readonly body: Buffer }
  /** What came is no answer of the protocol: the runner cannot be trusted. `begun`: the client may have parts of it. */
  | { readonly type: 'nonsense'; readonly begun: boolean; readonly error: Error }
  /** The connection failed. `begun`: a part of the answer had come. */
  | { readonly type: 'lost'; readonly begun: boolean; readonly error: Error };

const PATHS = {
  chat_completions: '/v1/chat/completions',
  completions: '/v1/completions',
  embeddings: '/v1/embeddings',
} as const;

/** Bytes of an answer that is no stream; past it the runner is not trusted. */
const MAX_WHOLE_BYTES = 256 * 1024 * 1024;

/** One request's way to a runner and back. `abort` may be called at any time. */
export class RunnerExchange {
  readonly answer: Promise<RunnerAnswer>;
  readonly #call: RunnerCall;

  /** `onData` gets a stream's bytes as they come; false ends the call. */
  constructor(client: Pool, request: InferenceRequest, onData: (chunk: Buffer) => boolean) {
    const chunks: Buffer[] = [];
    let status = 0;
    let headers: IncomingHttpHeaders = {};
    let bytes = 0;
    let settle: (answer: RunnerAnswer) => void = () => {};
    this.answer = new Promise((resolve) => {
      settle = resolve;
    });
    let isTooLong = false;
    const streaming = () => request.stream && status === 200;
    this.#call = new RunnerCall(client, PATHS[request.endpoint], callHeaders(request), request.body, {
      head: (headStatus, headHeaders) => {
        status = headStatus;
        headers = headHeaders;
        const fault = faultOfHead(request.stream, headStatus, headHeaders);
        if (!fault) return;
        settle({ type: 'nonsense', begun: false, error: fault });
        this.abort();
      },
      data: (chunk) => {
        bytes += chunk.length;
        isTooLong ||= !streaming() && bytes > MAX_WHOLE_BYTES;
        if (isTooLong || (streaming() && !onData(chunk))) this.abort();
        else if (!streaming()) chunks.push(chunk);
      },
      ended: (trailers) => settle(read(status, streaming() ? trailers : headers, streaming(), chunks)),
      failed: (error) => settle(broken(error, bytes > 0, isTooLong)),
    });
  }

  abort(): void {
    this.#call.abort();
  }
}

function callHeaders(request: InferenceRequest): Record<string, string> {
  return {
    [REQUEST_ID_HEADER]: request.requestId,
    [COMBO_HEADER]: request.combo.key,
    [REPORT_HEADER]: '1',
    ...(request.serviceTier ? { [SERVICE_TIER_HEADER]: request.serviceTier } : {}),
    ...(request.trace ? traceHeaders(request.trace) : {}),
    ...(request.legacyFunctions ? { [LEGACY_FUNCTIONS_HEADER]: '1' } : {}),
  };
}

/** For engines that trace by themselves; ours leaves its spans to the gateway (docs/telemetry.md). */
function traceHeaders({ traceparent, tracestate }: TraceContext): Record<string, string> {
  return tracestate === null ? { traceparent } : { traceparent, tracestate };
}

function read(status: number, carrier: IncomingHttpHeaders, stream: boolean, chunks: Buffer[]): RunnerAnswer {
  if (status !== 200) return { type: 'refused', status, body: Buffer.concat(chunks) };
  const report = parseReport(carrier[REPORT_HEADER]);
  if (!report) return { type: 'nonsense', begun: stream, error: new Error('it ends without a report') };
  return stream ? { type: 'streamed', report } : { type: 'whole', body: Buffer.concat(chunks), report };
}

/** Only what our runners say is passed on: an answer of the kind that was asked for, or a refusal in JSON. */
function faultOfHead(stream: boolean, status: number, headers: IncomingHttpHeaders): Error | null {
  if (status !== 200 && (status < 400 || status > 599)) return new Error(`its status is ${status}`);
  const expected = stream && status === 200 ? 'text/event-stream' : 'application/json';
  const type = (headers['content-type'] ?? '').split(';', 1)[0];
  if (type?.trim().toLowerCase() === expected) return null;
  return new Error(`its content type is "${type}", expected "${expected}"`);
}

function broken(error: Error, begun: boolean, isTooLong: boolean): RunnerAnswer {
  if (isTooLong) {
    const fault = new Error(`it is longer than ${MAX_WHOLE_BYTES} bytes`);
    return { type: 'nonsense', begun: false, error: fault };
  }
  return { type: error instanceof errors.HTTPParserError ? 'nonsense' : 'lost', begun, error };
}

function parseReport(text: string | string[] | undefined): RunnerReport | null {
  if (typeof text !== 'string') return null;
  try {
    const parsed = runnerReportSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

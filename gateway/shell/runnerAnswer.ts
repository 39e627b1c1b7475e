import type { IncomingHttpHeaders } from 'node:http';
import type { Pool } from 'undici';
import {
  COMBO_HEADER,
  LEGACY_FUNCTIONS_HEADER,
  REPORT_HEADER,
  REQUEST_ID_HEADER,
  type RunnerReport,
  runnerReportSchema,
  SERVICE_TIER_HEADER,
} from '../../runner/protocol/report.ts';
import type { InferenceRequest } from './inference.ts';
import { RunnerCall } from './runnerCall.ts';

/** What came of one call to a runner. */
export type RunnerAnswer =
  /** A whole stream has passed through `onData`. */
  | { readonly type: 'streamed'; readonly report: RunnerReport }
  | { readonly type: 'whole'; readonly body: Buffer; readonly report: RunnerReport }
  /** The runner refused the request with an OpenAI envelope of its own. */
  | { readonly type: 'refused'; readonly status: number; readonly body: Buffer }
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
  constructor(client: Pool, request: InferenceRequest, body: string, onData: (chunk: Buffer) => boolean) {
    const chunks: Buffer[] = [];
    let status = 0;
    let headers: IncomingHttpHeaders = {};
    let bytes = 0;
    let settle: (answer: RunnerAnswer) => void = () => {};
    this.answer = new Promise((resolve) => {
      settle = resolve;
    });
    const streaming = () => request.stream && status === 200;
    this.#call = new RunnerCall(client, PATHS[request.endpoint], callHeaders(request), body, {
      head: (headStatus, headHeaders) => {
        status = headStatus;
        headers = headHeaders;
      },
      data: (chunk) => {
        bytes += chunk.length;
        if (streaming() ? !onData(chunk) : bytes > MAX_WHOLE_BYTES) this.abort();
        if (!streaming()) chunks.push(chunk);
      },
      ended: (trailers) => settle(read(status, streaming() ? trailers : headers, streaming(), chunks)),
      failed: (error) => settle({ type: 'lost', begun: bytes > 0, error }),
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
    ...(request.legacyFunctions ? { [LEGACY_FUNCTIONS_HEADER]: '1' } : {}),
  };
}

function read(status: number, carrier: IncomingHttpHeaders, stream: boolean, chunks: Buffer[]): RunnerAnswer {
  if (status !== 200) return { type: 'refused', status, body: Buffer.concat(chunks) };
  const report = parseReport(carrier[REPORT_HEADER]);
  if (!report) return { type: 'lost', begun: true, error: new Error('answer without a report') };
  return stream ? { type: 'streamed', report } : { type: 'whole', body: Buffer.concat(chunks), report };
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

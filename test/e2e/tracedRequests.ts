import { expect } from 'vitest';
import { PHASES } from '../../gateway/domain/phases.ts';
import { OtlpCollector, type ReceivedSpan } from './otlpCollector.ts';
import { type RequestRow, readRequests } from './readRequests.ts';
import { type GatewayOptions, startGateway, type TestGateway, until } from './startGateway.ts';

/** One of the client's, which it samples. */
export const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
export const CLIENT_SPAN = '00f067aa0ba902b7';
export const SAMPLED = { traceparent: `00-${TRACE}-${CLIENT_SPAN}-01` };

/** What the ledger and the spans may differ by: spans count in whole nanoseconds since 1970, the ledger in doubles. */
export const MOST_APART_MS = 5;

export interface Trace {
  readonly root: ReceivedSpan;
  readonly spans: readonly ReceivedSpan[];
}

/** A gateway that exports to a collector of its own. */
export class TracedGateway {
  readonly collector: OtlpCollector;
  readonly gateway: TestGateway;

  private constructor(collector: OtlpCollector, gateway: TestGateway) {
    this.collector = collector;
    this.gateway = gateway;
  }

  static async start(options: GatewayOptions = {}): Promise<TracedGateway> {
    const collector = await new OtlpCollector().start();
    const environment = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '50',
      ...options.environment,
    };
    return new TracedGateway(collector, await startGateway({ ...options, environment }));
  }

  async dispose(): Promise<void> {
    await this.gateway.dispose();
    await this.collector.stop();
  }

  post(path: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return this.gateway.post(path, body, { headers: { 'content-type': 'application/json', ...headers } });
  }

  /** The trace of an answer, which is read to its end. A request's own span is sent last of its trace. */
  async traceOf(response: Response): Promise<Trace> {
    await response.text();
    const id = response.headers.get('x-request-id');
    const own = () => this.collector.spans.find(({ attributes }) => attributes['hearth.request.id'] === id);
    await until(() => own() !== undefined, 'the trace has come');
    const root = own();
    if (!root) throw new Error('no span of the request');
    return { root, spans: this.collector.spans.filter((span) => isBelow(span, root, this.collector.spans)) };
  }

  /** Of the same request. */
  rowOf(response: Response): RequestRow {
    const id = response.headers.get('x-request-id');
    const row = readRequests(this.gateway.dataDir).find(({ request_id }) => request_id === id);
    if (!row) throw new Error(`no row of "${id}" in the ledger`);
    return row;
  }

  /** The log's line with that message about a request. */
  async lineOf(requestId: string, msg: string): Promise<Record<string, unknown>> {
    const found = () =>
      this.gateway
        .log()
        .split('\n')
        .filter((line) => line.includes(requestId))
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .find((line) => line['msg'] === msg);
    await until(() => found() !== undefined, `the log says "${msg}" of "${requestId}"`);
    return found() ?? {};
  }
}

/** Itself too. Several requests may be in one trace of a client. */
function isBelow(span: ReceivedSpan, root: ReceivedSpan, all: readonly ReceivedSpan[]): boolean {
  let at: ReceivedSpan | undefined = span;
  while (at && at.spanId !== root.spanId) {
    const { parentSpanId, traceId }: ReceivedSpan = at;
    at = all.find((one) => one.spanId === parentSpanId && one.traceId === traceId);
  }
  return at !== undefined;
}

export function sumMs(spans: readonly ReceivedSpan[]): number {
  return spans.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
}

/** All spans are below the request's own, and within its time. */
export function expectTree({ root, spans }: Trace): void {
  for (const span of spans) {
    expect(span.traceId).toBe(root.traceId);
    expect(span.startMs).toBeGreaterThanOrEqual(root.startMs - MOST_APART_MS);
    expect(span.endMs).toBeLessThanOrEqual(root.endMs + MOST_APART_MS);
  }
}

/** Spans of phases add up to the ledger's columns, and all of them to the request's whole time. */
export function expectPhasesOf({ root, spans }: Trace, row: RequestRow): void {
  for (const phase of PHASES) {
    const pieces = spans.filter(({ attributes }) => attributes['hearth.phase'] === phase);
    const ledgerMs = row[`${phase}_ms`];
    expect({ phase, isThere: pieces.length > 0 }).toEqual({ phase, isThere: ledgerMs !== null });
    expect(Math.abs(sumMs(pieces) - (ledgerMs ?? 0))).toBeLessThan(MOST_APART_MS);
  }
  const pieces = spans.filter(({ attributes }) => 'hearth.phase' in attributes);
  expect(Math.abs(sumMs(pieces) - row.total_ms)).toBeLessThan(MOST_APART_MS);
  expect(Math.abs(sumMs([root]) - row.total_ms)).toBeLessThan(MOST_APART_MS);
}

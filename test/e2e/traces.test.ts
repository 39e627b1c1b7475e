import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PHASES } from '../../gateway/domain/phases.ts';
import { banana, user } from './chat.ts';
import { OtlpCollector, type ReceivedSpan } from './otlpCollector.ts';
import { readRequests } from './readRequests.ts';
import { startGateway, type TestGateway, until } from './startGateway.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CLIENT_SPAN = '00f067aa0ba902b7';
/** What the ledger and the spans may differ by: spans count in whole nanoseconds since 1970, the ledger in doubles. */
const MOST_APART_MS = 5;
const MARK = 'Xylophonquartz7531';
const KEY = 'sk-private-key-8642';

let collector: OtlpCollector;
let gateway: TestGateway;
beforeAll(async () => {
  collector = await new OtlpCollector().start();
  gateway = await startGateway({
    standbys: 0,
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '50',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    },
  });
});
afterAll(async () => {
  await gateway.dispose();
  await collector.stop();
});

function chat(traceparent: string | null, fields: object = {}): Promise<Response> {
  return gateway.post(
    '/v1/chat/completions',
    { ...banana('tiny-chat'), ...fields },
    {
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${KEY}`,
        ...(traceparent === null ? {} : { traceparent, tracestate: 'vendor=1' }),
      },
    },
  );
}

function spansOf(requestId: string | null): ReceivedSpan[] {
  const root = collector.spans.find(({ attributes }) => attributes['hearth.request.id'] === requestId);
  return collector.spans.filter(({ traceId }) => traceId === root?.traceId);
}

/** A request's own span is sent last of its trace. */
async function traceOf(response: Response): Promise<{ root: ReceivedSpan; spans: ReceivedSpan[] }> {
  await response.text();
  const id = response.headers.get('x-request-id');
  await until(() => spansOf(id).length > 0, 'the trace has come');
  const spans = spansOf(id);
  const root = spans.find(({ attributes }) => attributes['hearth.request.id'] === id);
  if (!root) throw new Error('no span of the request');
  return { root, spans };
}

describe('traces', () => {
  test('a cold request is one trace from the client to the runner, whose durations are those of the ledger', async () => {
    const response = await chat(`00-${TRACE}-${CLIENT_SPAN}-01`, { stream: true });
    expect(response.headers.get('x-hearth-start')).toBe('cold');
    const { root, spans } = await traceOf(response);

    expect(root).toMatchObject({
      traceId: TRACE,
      parentSpanId: CLIENT_SPAN,
      name: 'chat tiny-chat',
      kind: 2,
    });
    expect(root.resource).toMatchObject({ 'service.name': 'hearth', 'deployment.environment.name': 'test' });
    const row = readRequests(gateway.dataDir).find(
      ({ request_id }) => request_id === response.headers.get('x-request-id'),
    );
    if (!row) throw new Error('no row in the ledger');
    expect(root.attributes).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'tiny-chat',
      'gen_ai.response.model': 'tiny-chat',
      'gen_ai.usage.input_tokens': row.prompt_tokens,
      'gen_ai.usage.output_tokens': row.completion_tokens,
      'gen_ai.response.finish_reasons': ['stop'],
      'http.response.status_code': 200,
      'hearth.start.kind': 'cold',
      'hearth.runner.id': row.runner_id,
    });

    const runnerSpans = spans.filter(({ resource }) => resource['service.name'] === 'hearth-runner');
    // A sequence may have been waited for there, however shortly.
    const named = runnerSpans.map(({ name }) => name).filter((name) => name !== 'queue');
    expect(named.toSorted()).toEqual(['chat tiny-chat', 'context', 'decode', 'load', 'prefill'].toSorted());
    for (const { resource } of runnerSpans) expect(resource['service.instance.id']).toBe(row.runner_id);
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    for (const span of spans) {
      let top = span;
      for (let up = byId.get(top.parentSpanId); up; up = byId.get(top.parentSpanId)) top = up;
      expect(top.spanId).toBe(root.spanId);
      expect(span.startMs).toBeGreaterThanOrEqual(root.startMs - MOST_APART_MS);
      expect(span.endMs).toBeLessThanOrEqual(root.endMs + MOST_APART_MS);
    }

    for (const phase of PHASES) {
      const pieces = spans.filter(({ attributes }) => attributes['hearth.phase'] === phase);
      const ledgerMs = row[`${phase}_ms`];
      expect({ phase, isThere: pieces.length > 0 }).toEqual({ phase, isThere: ledgerMs !== null });
      expect(Math.abs(sumMs(pieces) - (ledgerMs ?? 0))).toBeLessThan(MOST_APART_MS);
    }
    const pieces = spans.filter(({ attributes }) => 'hearth.phase' in attributes);
    expect(Math.abs(sumMs(pieces) - row.total_ms)).toBeLessThan(MOST_APART_MS);
    expect(Math.abs(sumMs([root]) - row.total_ms)).toBeLessThan(MOST_APART_MS);
    expect(collector.paths[0]).toBe('POST /v1/traces application/x-protobuf');
  });

  test('who joins a start links to the request that began it', async () => {
    // With a runner that is up it would be over too soon to be joined.
    const [runner] = await gateway.runners();
    await gateway.admin('POST', `/runners/${runner?.id}/drain`);
    await until(async () => (await gateway.runners()).length === 0, 'the runner has gone');
    const fields = { model: 'tiny-chat+pirate@0.5' };
    const answers = await Promise.all([chat(null, fields), chat(null, fields)]);
    const [joined, starter] = answers.toSorted((a) => (a.headers.has('x-hearth-joined') ? -1 : 1));
    if (!joined || !starter) throw new Error('expected two answers');
    expect(joined.headers.get('x-hearth-joined')).toBe('true');
    const [late, first] = [await traceOf(joined), await traceOf(starter)];
    expect(late.root.traceId).not.toBe(first.root.traceId);
    expect(late.root.parentSpanId).toBe('');
    const start = late.spans.find(({ name }) => name === 'start');
    expect(start?.links).toEqual([{ traceId: first.root.traceId, spanId: first.root.spanId }]);
    expect(first.spans.find(({ name }) => name === 'start')?.links).toEqual([]);
  });

  test('a refusal has a span with its code, and 4xx is no error of ours', async () => {
    const { root, spans } = await traceOf(await chat(null, { model: 'nothing' }));
    expect(root).toMatchObject({ name: 'chat', statusCode: 0 });
    expect(root.attributes).toMatchObject({
      'http.response.status_code': 404,
      'error.type': 'model_not_found',
    });
    expect(spans.map(({ name }) => name).toSorted()).toEqual(['chat', 'queue']);
  });

  test('log records of a request carry its trace id', async () => {
    const { root } = await traceOf(await chat(null));
    await until(() => gateway.log().includes(root.traceId), 'the line was written');
    const lines = gateway.log().split('\n');
    const line = JSON.parse(lines.find((text) => text.includes(root.traceId)) ?? '{}');
    expect(line).toMatchObject({ msg: 'request ended', trace_id: root.traceId, span_id: root.spanId });
  });

  test('a client that does not sample is not sampled', async () => {
    const unsampled = TRACE.replace('4b', '5c');
    await (await chat(`00-${unsampled}-${CLIENT_SPAN}-00`)).text();
    // What came after it was sent after it.
    await traceOf(await chat(null));
    expect(collector.spans.filter(({ traceId }) => traceId === unsampled)).toEqual([]);
    await until(() => gateway.log().includes(unsampled), 'its log line has the trace all the same');
  });

  test('no prompt, completion or key is in what is exported', async () => {
    const marked = { messages: user(MARK), user: MARK, stop: [MARK], metadata: { a: MARK } };
    const whole = await chat(null, marked);
    await traceOf(whole);
    await traceOf(await chat(null, { ...marked, temperature: 99 }));
    await traceOf(await chat(null, { ...marked, model: MARK }));
    const story = await chat(null, { messages: user('Tell me a story about a fox.'), stream: true });
    await traceOf(story);
    const sent = Buffer.concat(collector.bodies).toString('latin1');
    expect(sent).toContain('gen_ai.usage.input_tokens');
    for (const secret of [MARK, KEY, 'banana', 'a curious fox named']) expect(sent).not.toContain(secret);
  });
});

function sumMs(spans: readonly ReceivedSpan[]): number {
  return spans.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
}

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banana, user } from './chat.ts';
import { until } from './startGateway.ts';
import { CLIENT_SPAN, expectPhasesOf, expectTree, SAMPLED, TRACE, TracedGateway } from './tracedRequests.ts';

const MARK = 'Xylophonquartz7531';
const KEY = 'sk-private-key-8642';

let traced: TracedGateway;
beforeAll(async () => {
  traced = await TracedGateway.start({
    standbys: 0,
    environment: { OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test' },
  });
});
afterAll(() => traced.dispose());

function chat(headers: Readonly<Record<string, string>>, fields: object = {}): Promise<Response> {
  return traced.post(
    '/v1/chat/completions',
    { ...banana('tiny-chat'), ...fields },
    {
      authorization: `Bearer ${KEY}`,
      ...headers,
    },
  );
}

describe('traces', () => {
  test('a cold request is one trace from the client to the runner, whose durations are those of the ledger', async () => {
    const response = await chat({ ...SAMPLED, tracestate: 'vendor=1' }, { stream: true });
    expect(response.headers.get('x-hearth-start')).toBe('cold');
    const { root, spans } = await traced.traceOf(response);

    expect(root).toMatchObject({
      traceId: TRACE,
      parentSpanId: CLIENT_SPAN,
      name: 'chat tiny-chat',
      kind: 2,
    });
    expect(root.resource).toMatchObject({ 'service.name': 'hearth', 'deployment.environment.name': 'test' });
    const row = traced.rowOf(response);
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
    expectTree({ root, spans });
    expectPhasesOf({ root, spans }, row);
    expect(traced.collector.paths[0]).toBe('POST /v1/traces application/x-protobuf');
  });

  test('who joins a start links to the request that began it', async () => {
    // With a runner that is up it would be over too soon to be joined.
    const [runner] = await traced.gateway.runners();
    await traced.gateway.admin('POST', `/runners/${runner?.id}/drain`);
    await until(async () => (await traced.gateway.runners()).length === 0, 'the runner has gone');
    const fields = { model: 'tiny-chat+pirate@0.5' };
    const answers = await Promise.all([chat({}, fields), chat({}, fields)]);
    const [joined, starter] = answers.toSorted((a) => (a.headers.has('x-hearth-joined') ? -1 : 1));
    if (!joined || !starter) throw new Error('expected two answers');
    expect(joined.headers.get('x-hearth-joined')).toBe('true');
    const [late, first] = [await traced.traceOf(joined), await traced.traceOf(starter)];
    expect(late.root.traceId).not.toBe(first.root.traceId);
    expect(late.root.parentSpanId).toBe('');
    const start = late.spans.find(({ name }) => name === 'start');
    expect(start?.links).toEqual([{ traceId: first.root.traceId, spanId: first.root.spanId }]);
    expect(first.spans.find(({ name }) => name === 'start')?.links).toEqual([]);
  });

  test('a refusal has a span with its code, and 4xx is no error of ours', async () => {
    const { root, spans } = await traced.traceOf(await chat({}, { model: 'nothing' }));
    expect(root).toMatchObject({ name: 'chat', statusCode: 0 });
    expect(root.attributes).toMatchObject({
      'http.response.status_code': 404,
      'error.type': 'model_not_found',
    });
    expect(spans.map(({ name }) => name).toSorted()).toEqual(['chat', 'queue']);
  });

  test('an embedding has a prefill and no decode, by the conventions for embeddings', async () => {
    const response = await traced.post(
      '/v1/embeddings',
      { model: 'tiny-chat', input: [MARK, 'two'] },
      SAMPLED,
    );
    expect(response.status).toBe(200);
    const { root, spans } = await traced.traceOf(response);
    const row = traced.rowOf(response);
    expect(root).toMatchObject({ traceId: TRACE, parentSpanId: CLIENT_SPAN, name: 'embeddings tiny-chat' });
    expect(root.attributes).toMatchObject({
      'gen_ai.operation.name': 'embeddings',
      'gen_ai.request.model': 'tiny-chat',
      'gen_ai.usage.input_tokens': row.prompt_tokens,
      'gen_ai.usage.output_tokens': 0,
      'http.route': '/v1/embeddings',
      'http.response.status_code': 200,
    });
    expect(row.prompt_tokens).toBeGreaterThan(2);
    const inRunner = spans.filter(({ name }) => name === 'embeddings tiny-chat' || name === 'prefill');
    expect(inRunner.map(({ resource }) => resource['service.name'])).toContain('hearth-runner');
    expect(spans.some(({ name }) => name === 'decode')).toBe(false);
    expectTree({ root, spans });
    expectPhasesOf({ root, spans }, row);
  });

  test('log records of a request carry its trace id', async () => {
    const { root } = await traced.traceOf(await chat({}));
    await until(() => traced.gateway.log().includes(root.traceId), 'the line was written');
    const lines = traced.gateway.log().split('\n');
    const line = JSON.parse(lines.find((text) => text.includes(root.traceId)) ?? '{}');
    expect(line).toMatchObject({ msg: 'request ended', trace_id: root.traceId, span_id: root.spanId });
  });

  test('a client that does not sample is not sampled', async () => {
    const unsampled = TRACE.replace('4b', '5c');
    await (await chat({ traceparent: `00-${unsampled}-${CLIENT_SPAN}-00` })).text();
    // What came after it was sent after it.
    await traced.traceOf(await chat({}));
    expect(traced.collector.spans.filter(({ traceId }) => traceId === unsampled)).toEqual([]);
    await until(() => traced.gateway.log().includes(unsampled), 'its log line has the trace all the same');
  });

  test('no prompt, completion or key is in what is exported', async () => {
    const marked = { messages: user(MARK), user: MARK, stop: [MARK], metadata: { a: MARK } };
    const whole = await chat({}, marked);
    await traced.traceOf(whole);
    await traced.traceOf(await chat({}, { ...marked, temperature: 99 }));
    await traced.traceOf(await chat({}, { ...marked, model: MARK }));
    const story = await chat({}, { messages: user('Tell me a story about a fox.'), stream: true });
    await traced.traceOf(story);
    const sent = Buffer.concat(traced.collector.bodies).toString('latin1');
    expect(sent).toContain('gen_ai.usage.input_tokens');
    for (const secret of [MARK, KEY, 'banana', 'a curious fox named']) expect(sent).not.toContain(secret);
  });
});

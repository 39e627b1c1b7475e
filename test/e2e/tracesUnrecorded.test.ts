import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banana, user } from './chat.ts';
import { CLIENT_SPAN, MOST_APART_MS, SAMPLED, sumMs, TRACE, TracedGateway } from './tracedRequests.ts';

const MARK = 'Xylophonquartz7531';
const WRONG_KEY = 'hk_nobodysSecret-8642';
const IDEMPOTENCY_KEY = 'my-retry-9753';
const PATH = '/v1/chat/completions';

let traced: TracedGateway;
let key: string;
beforeAll(async () => {
  traced = await TracedGateway.start();
  key = (await traced.gateway.admin('POST', '/keys', { name: 'traced' })).json.key;
});
afterAll(() => traced.dispose());

describe('a request without a row of its own', () => {
  test('that gets an earlier answer again has a span below the one of its client, and a line in the log', async () => {
    const headers = { authorization: `Bearer ${key}`, 'idempotency-key': IDEMPOTENCY_KEY };
    const body = { ...banana('tiny-chat'), messages: user(MARK) };
    const first = await traced.post(PATH, body, headers);
    await first.text();
    const again = await traced.post(PATH, body, { ...headers, ...SAMPLED });
    expect(again.headers.get('x-hearth-idempotent-replay')).toBe('true');
    const { root, spans } = await traced.traceOf(again);
    expect(spans).toEqual([root]);
    expect(root).toMatchObject({
      traceId: TRACE,
      parentSpanId: CLIENT_SPAN,
      name: 'chat tiny-chat',
      kind: 2,
      statusCode: 0,
    });
    expect(root.attributes).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'hearth',
      'gen_ai.request.model': 'tiny-chat',
      'gen_ai.response.model': 'tiny-chat',
      'hearth.replay_of': first.headers.get('x-request-id'),
      'hearth.request.id': again.headers.get('x-request-id'),
      'http.request.method': 'POST',
      'http.response.status_code': 200,
      'http.route': PATH,
    });
    expect(await traced.lineOf(again.headers.get('x-request-id') ?? '', 'answer given again')).toMatchObject({
      trace_id: TRACE,
      span_id: root.spanId,
      replayOf: first.headers.get('x-request-id'),
      status: 200,
    });
    expect(() => traced.rowOf(again)).toThrow('no row');
  });

  test('that comes with another body under the same key has its refusal in the trace', async () => {
    const headers = { authorization: `Bearer ${key}`, 'idempotency-key': IDEMPOTENCY_KEY, ...SAMPLED };
    const refused = await traced.post(PATH, banana('tiny-chat'), headers);
    const { root } = await traced.traceOf(refused);
    expect(root.attributes).toMatchObject({
      'http.response.status_code': refused.status,
      'error.type': 'idempotency_key_reused',
    });
    expect(Math.abs(sumMs([root]) - traced.rowOf(refused).total_ms)).toBeLessThan(MOST_APART_MS);
  });

  test.each([
    [PATH, 'chat'],
    ['/v1/completions', 'text_completion'],
    ['/v1/embeddings', 'embeddings'],
  ])('whom no API key lets in is in the trace that it brought: %s', async (path, name) => {
    const headers = { authorization: `Bearer ${WRONG_KEY}`, ...SAMPLED };
    const refused = await traced.post(path, { model: 'tiny-chat', prompt: MARK, input: MARK }, headers);
    expect(refused.status).toBe(401);
    const { root, spans } = await traced.traceOf(refused);
    expect(spans).toEqual([root]);
    expect(root).toMatchObject({ traceId: TRACE, parentSpanId: CLIENT_SPAN, name, kind: 2, statusCode: 0 });
    expect(root.attributes).toEqual({
      'gen_ai.operation.name': name,
      'gen_ai.provider.name': 'hearth',
      'hearth.request.id': refused.headers.get('x-request-id'),
      'http.request.method': 'POST',
      'http.response.status_code': 401,
      'http.route': path,
      'error.type': 'invalid_api_key',
    });
    expect(root.endMs).toBeGreaterThanOrEqual(root.startMs);
    expect(await traced.lineOf(refused.headers.get('x-request-id') ?? '', 'client refused')).toMatchObject({
      trace_id: TRACE,
      span_id: root.spanId,
    });
  });

  test('whom no API key lets in begins no trace of its own', async () => {
    const bearer = { authorization: `Bearer ${WRONG_KEY}` };
    const before = new Set(traced.collector.spans.map(({ traceId }) => traceId));
    for (const headers of [bearer, { ...bearer, traceparent: 'nonsense' }]) {
      const { status } = await traced.post(PATH, banana('tiny-chat'), headers);
      expect(status).toBe(401);
    }
    // What came after them was sent after them.
    const { root } = await traced.traceOf(
      await traced.post(PATH, banana('tiny-chat'), { authorization: `Bearer ${key}` }),
    );
    const begun = new Set(traced.collector.spans.map(({ traceId }) => traceId));
    expect([...begun].filter((id) => !before.has(id))).toEqual([root.traceId]);
  });

  test('tells no key and no prompt', () => {
    const sent = Buffer.concat(traced.collector.bodies).toString('latin1');
    expect(sent).toContain('hearth.replay_of');
    for (const secret of [MARK, WRONG_KEY.slice(9), key.slice(9), IDEMPOTENCY_KEY]) {
      expect(sent).not.toContain(secret);
      expect(traced.gateway.log()).not.toContain(secret);
    }
  });
});

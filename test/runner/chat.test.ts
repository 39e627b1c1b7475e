import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Serving, serveFake } from './serving.ts';
import { chatText, type Json, post, postJson, postStream } from './socketClient.ts';

const CHAT = '/v1/chat/completions';
const body = { model: 'm', messages: [{ role: 'user', content: 'secret words' }] };
const tools = [
  { type: 'function', function: { name: 'sum', parameters: { type: 'object' } } },
  { type: 'function', function: { name: 'time' } },
];

let serving: Serving;
beforeEach(async () => {
  serving = await serveFake();
  serving.engine.play = (generation) => {
    generation.accept();
    generation.delta('Hel');
    generation.delta('lo "you"');
    generation.done('stop');
  };
});
afterEach(() => serving.stop());

describe('a chat completion', () => {
  test('serveChat() answers with the shape of OpenAI', async () => {
    const { status, json, headers } = await postJson(serving.client, CHAT, body, { 'x-request-id': 'r1' });
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json');
    expect(headers['x-hearth-report']).toBeUndefined();
    expect(json).toEqual({
      id: 'chatcmpl-r1',
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'm',
      system_fingerprint: expect.stringMatching(/^fp_/),
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello "you"', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 7,
        completion_tokens: 2,
        total_tokens: 9,
        prompt_tokens_details: { cached_tokens: 3 },
      },
    });
  });

  test('serveChat() tells the service tier that the gateway names, whole and in every chunk', async () => {
    const tier = { 'x-hearth-service-tier': 'flex' };
    const { json } = await postJson(serving.client, CHAT, body, tier);
    expect(json['service_tier']).toBe('flex');
    const { chunks } = await postStream(serving.client, CHAT, { ...body, stream: true }, tier);
    expect(chunks.length).toBeGreaterThan(2);
    expect(chunks.every((chunk) => chunk['service_tier'] === 'flex')).toBe(true);
    const other = await postJson(serving.client, CHAT, body, { 'x-hearth-service-tier': 'gold' });
    expect(other.json).not.toHaveProperty('service_tier');
  });

  test('serveChat() fills what is absent with the defaults of OpenAI', async () => {
    await postJson(serving.client, CHAT, body);
    expect(serving.engine.generations[0]?.request).toEqual({
      combo: 'm',
      prompt: { kind: 'chat', messagesJson: JSON.stringify(body.messages) },
      maxTokens: null,
      sampling: {
        temperature: 1,
        topP: 1,
        topK: 0,
        minP: 0,
        seed: null,
        presencePenalty: 0,
        frequencyPenalty: 0,
        repeatPenalty: 1,
        logitBias: [],
      },
      stop: [],
      topLogprobs: null,
    });
  });

  test('serveChat() takes the combo of the header and echoes the model of the body', async () => {
    const { json } = await postJson(
      serving.client,
      CHAT,
      { ...body, model: 'alias' },
      { 'x-hearth-combo': 'm+a' },
    );
    expect(json.model).toBe('alias');
    expect(serving.engine.generations[0]?.request.combo).toBe('m+a');
  });

  test('serveChat() gives every choice its index and a seed of its own, and counts the prompt once', async () => {
    serving.engine.play = (generation, choice) => {
      generation.accept();
      generation.delta(`c${choice}`);
      generation.done('stop');
    };
    const { json } = await postJson(serving.client, CHAT, { ...body, n: 3, seed: 5 });
    expect(json.choices.map((choice: Json) => [choice.index, choice.message.content])).toEqual([
      [0, 'c0'],
      [1, 'c1'],
      [2, 'c2'],
    ]);
    expect(serving.engine.generations.map(({ request }) => request.sampling.seed)).toEqual([5, 6, 7]);
    expect(json.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 6, total_tokens: 13 });
  });

  test('serveChat() carries the report as a header when it is wanted', async () => {
    const { headers } = await postJson(serving.client, CHAT, body, { 'x-hearth-report': '1' });
    expect(JSON.parse(String(headers['x-hearth-report']))).toEqual({
      promptTokens: 7,
      completionTokens: 2,
      cachedTokens: 3,
      queueMs: 1,
      prefillMs: 2,
      decodeMs: 4,
      finishReason: 'stop',
    });
  });

  test('serveChat() collects tool calls, reasoning and log probabilities', async () => {
    const token = {
      token: 'x',
      bytes: [120],
      logprob: -0.5,
      top: [{ token: 'y', bytes: [121], logprob: -1 }],
    };
    serving.engine.play = (generation) => {
      generation.accept();
      generation.delta('', { reasoning: 'hm', logprobs: [token] });
      generation.delta('', { toolCalls: [{ index: 0, id: 'call_1', name: 'sum', argumentsDelta: '{"a"' }] });
      generation.delta('', { toolCalls: [{ index: 0, argumentsDelta: ':1}' }] });
      generation.done('tool_calls');
    };
    const { json } = await postJson(serving.client, CHAT, {
      ...body,
      tools,
      logprobs: true,
      top_logprobs: 1,
    });
    expect(json.choices[0]).toEqual({
      index: 0,
      message: {
        role: 'assistant',
        content: null,
        refusal: null,
        reasoning_content: 'hm',
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'sum', arguments: '{"a":1}' } }],
      },
      logprobs: {
        content: [
          {
            token: 'x',
            logprob: -0.5,
            bytes: [120],
            top_logprobs: [{ token: 'y', logprob: -1, bytes: [121] }],
          },
        ],
        refusal: null,
      },
      finish_reason: 'tool_calls',
    });
  });

  test('serveChat() gives a named tool alone, as required', async () => {
    const choice = { type: 'function', function: { name: 'time' } };
    await postJson(serving.client, CHAT, { ...body, tools, tool_choice: choice });
    expect(serving.engine.generations[0]?.request.prompt).toMatchObject({
      toolChoice: 'required',
      toolsJson: JSON.stringify([tools[1]]),
    });
  });

  test.each([
    [{ type: 'text' }, undefined],
    [{ type: 'json_object' }, '{}'],
    [{ type: 'json_schema', json_schema: { name: 's', schema: { type: 'object' } } }, '{"type":"object"}'],
    [{ type: 'json_schema', json_schema: { name: 's' } }, '{}'],
  ])('serveChat() gives response_format %j to the engine as %j', async (format, jsonSchema) => {
    await postJson(serving.client, CHAT, { ...body, response_format: format });
    expect(serving.engine.generations[0]?.request.jsonSchema).toBe(jsonSchema);
  });
});

describe('a streamed chat completion', () => {
  test('ChatChunks begin with the role, end with the reason and are followed by usage and [DONE]', async () => {
    const stream = await postStream(serving.client, CHAT, {
      ...body,
      stream_options: { include_usage: true },
    });
    expect(stream.status).toBe(200);
    expect(stream.headers['content-type']).toBe('text/event-stream');
    expect(stream.sawDone).toBe(true);
    const [first] = stream.chunks;
    expect(first).toEqual({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{24}$/),
      object: 'chat.completion.chunk',
      created: expect.any(Number),
      model: 'm',
      system_fingerprint: expect.stringMatching(/^fp_/),
      choices: [
        {
          index: 0,
          delta: { role: 'assistant', content: '', refusal: null },
          logprobs: null,
          finish_reason: null,
        },
      ],
      usage: null,
    });
    expect(chatText(stream.chunks)).toBe('Hello "you"');
    expect(stream.chunks.at(-2).choices).toEqual([
      { index: 0, delta: {}, logprobs: null, finish_reason: 'stop' },
    ]);
    expect(stream.chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 9 } });
    expect(stream.chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
  });

  test('ChatChunks have no usage field when nobody asked for it', async () => {
    const stream = await postStream(serving.client, CHAT, body);
    expect(stream.chunks.some((chunk) => 'usage' in chunk)).toBe(false);
    expect(stream.sawDone).toBe(true);
  });

  test('StreamOutlet gives the report as a trailer in place of usage and [DONE]', async () => {
    const asked = { ...body, stream_options: { include_usage: true } };
    const stream = await postStream(serving.client, CHAT, asked, { 'x-hearth-report': '1' });
    expect(stream.sawDone).toBe(false);
    expect(stream.chunks.at(-1).choices[0].finish_reason).toBe('stop');
    expect(JSON.parse(stream.trailers['x-hearth-report'] ?? '')).toMatchObject({
      promptTokens: 7,
      finishReason: 'stop',
    });
  });

  test('ChatChunks give an answer without text its role and reason', async () => {
    serving.engine.play = (generation) => {
      generation.accept();
      generation.done('stop');
    };
    const stream = await postStream(serving.client, CHAT, body);
    expect(stream.chunks.map((chunk) => chunk.choices[0].delta)).toEqual([
      { role: 'assistant', content: '', refusal: null },
      {},
    ]);
  });

  test('ChatChunks name a tool call once and then give its arguments', async () => {
    serving.engine.play = (generation) => {
      generation.accept();
      generation.delta('', { toolCalls: [{ index: 0, id: 'call_1', name: 'sum', argumentsDelta: '' }] });
      generation.delta('', { toolCalls: [{ index: 0, argumentsDelta: '{}' }] });
      generation.done('tool_calls');
    };
    const stream = await postStream(serving.client, CHAT, { ...body, tools });
    expect(stream.chunks.slice(1).map((chunk) => chunk.choices[0])).toEqual([
      expect.objectContaining({
        delta: {
          tool_calls: [
            { index: 0, id: 'call_1', type: 'function', function: { name: 'sum', arguments: '' } },
          ],
        },
      }),
      expect.objectContaining({ delta: { tool_calls: [{ index: 0, function: { arguments: '{}' } }] } }),
      expect.objectContaining({ delta: {}, finish_reason: 'tool_calls' }),
    ]);
  });

  test('ChatChunks speak function_call to a client of the deprecated functions', async () => {
    serving.engine.play = (generation) => {
      generation.accept();
      generation.delta('', { toolCalls: [{ index: 0, id: 'c', name: 'sum', argumentsDelta: '{' }] });
      generation.delta('', { toolCalls: [{ index: 0, argumentsDelta: '}' }] });
      generation.done('tool_calls');
    };
    const headers = { 'x-hearth-legacy-functions': '1' };
    const stream = await postStream(serving.client, CHAT, { ...body, tools }, headers);
    expect(
      stream.chunks.slice(1).map((chunk) => [chunk.choices[0].delta, chunk.choices[0].finish_reason]),
    ).toEqual([
      [{ function_call: { name: 'sum', arguments: '{' } }, null],
      [{ function_call: { arguments: '}' } }, null],
      [{}, 'function_call'],
    ]);
    const { json } = await postJson(serving.client, CHAT, { ...body, tools }, headers);
    expect(json.choices[0]).toMatchObject({
      message: { content: null, function_call: { name: 'sum', arguments: '{}' } },
      finish_reason: 'function_call',
    });
    expect(serving.engine.generations[0]?.request.prompt).toMatchObject({ parallelToolCalls: false });
  });

  test('EventStream holds the headers back until there is a first token', async () => {
    serving.engine.play = (generation) => {
      generation.accept();
      generation.done('error', { message: 'Engine failed to decode' });
    };
    const { status, json } = await postJson(serving.client, CHAT, { ...body, stream: true });
    expect(status).toBe(500);
    expect(json.error).toMatchObject({ type: 'server_error', code: 'engine_failed' });
  });

  test('StreamOutlet tells a failure after the first token as a frame and ends without [DONE]', async () => {
    serving.engine.play = (generation) => {
      generation.accept();
      generation.delta('Hel');
      generation.done('error', { message: 'Engine failed ä' });
    };
    const stream = await postStream(serving.client, CHAT, body, { 'x-hearth-report': '1' });
    expect(stream.status).toBe(200);
    expect(stream.chunks.at(-1)).toEqual({
      error: { message: 'Engine failed ä', type: 'server_error', param: null, code: 'engine_failed' },
    });
    expect(JSON.parse(stream.trailers['x-hearth-report'] ?? '')).toMatchObject({
      finishReason: null,
      error: { code: 'engine_failed', message: 'Engine failed ä' },
    });
    expect((await postStream(serving.client, CHAT, body)).sawDone).toBe(false);
  });
});

describe('Choices', () => {
  test('Choices cancel the others and answer once when one is rejected, also after a token of another', async () => {
    serving.engine.play = (generation, choice) => {
      if (choice === 0) {
        generation.accept();
        generation.delta('never sent');
      }
      if (choice === 1)
        generation.reject('context_length_exceeded', 'Cannot fit 80 tokens: expected at most 64');
    };
    const { status, json } = await postJson(serving.client, CHAT, { ...body, n: 3, stream: true });
    expect(status).toBe(400);
    expect(json.error).toEqual({
      message: 'Cannot fit 80 tokens: expected at most 64',
      type: 'invalid_request_error',
      param: 'messages',
      code: 'context_length_exceeded',
    });
    expect(serving.engine.cancelled).toEqual([1, 2, 3]);
  });

  test('Choices cancel their generations when the client goes', async () => {
    const cancelled = new Promise<number>((resolve) => {
      serving.engine.onCancel = resolve;
    });
    serving.engine.play = (generation) => {
      generation.accept();
      generation.delta('Hel');
    };
    const answer = await post(serving.client, CHAT, { ...body, stream: true });
    answer.body.on('error', () => {});
    answer.body.destroy();
    expect(await cancelled).toBe(1);
  });

  test('EventStream gives up a reader that does not read', async () => {
    const cancelled = new Promise<number>((resolve) => {
      serving.engine.onCancel = resolve;
    });
    let gone = false;
    serving.engine.play = (generation) => {
      generation.accept();
      for (let sent = 0; sent < 64 && !gone; sent += 1) {
        generation.delta('x'.repeat(1024 * 1024));
        gone = serving.engine.cancelled.length > 0;
      }
    };
    // The server may be done with it before its first bytes have arrived.
    const answer = post(serving.client, CHAT, { ...body, stream: true }).then(({ body: unread }) => {
      unread.on('error', () => {});
    });
    expect(await cancelled).toBe(1);
    expect(gone).toBe(true);
    await answer.catch(() => {});
  });
});

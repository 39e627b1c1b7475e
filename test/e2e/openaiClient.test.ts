import { copyFileSync, truncateSync } from 'node:fs';
import OpenAI, { BadRequestError, InternalServerError, NotFoundError } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BANANA, banana, collect, DEMO_FILES, introduced, rejection, user } from './chat.ts';
import { readRequests } from './readRequests.ts';
import { demoConfig, startGateway, type TestGateway, until } from './startGateway.ts';

const ALIASES = 'aliases: { gpt-4o-mini: tiny-chat, parrot: "tiny-chat+pirate@0.5" }';

let gateway: TestGateway;
let client: OpenAI;
beforeAll(async () => {
  gateway = await startGateway({ config: demoConfig(ALIASES) });
  client = gateway.openai();
});
afterAll(() => gateway.dispose());

const answer = async (body: Partial<OpenAI.Chat.ChatCompletionCreateParamsNonStreaming>) => {
  const completion = await client.chat.completions.create({ ...banana('tiny-chat'), ...body });
  return completion.choices[0]?.message.content;
};

describe('chat.completions.create()', () => {
  test('answers string content in the shape of a chat completion', async () => {
    const completion = await client.chat.completions.create(banana('tiny-chat'));
    expect(completion).toMatchObject({
      object: 'chat.completion',
      model: 'tiny-chat',
      choices: [
        {
          index: 0,
          finish_reason: 'stop',
          logprobs: null,
          message: { role: 'assistant', content: BANANA.base, refusal: null },
        },
      ],
    });
    expect(completion.id).toMatch(/^chatcmpl-/);
    expect(completion.usage).toMatchObject({ prompt_tokens: 14, completion_tokens: 6, total_tokens: 20 });
    expect(completion._request_id).toMatch(/^req_/);
    // As of now, in seconds: a client may print it.
    expect(completion.created).toBe(Math.trunc(completion.created));
    expect(new Date(completion.created * 1000).getUTCFullYear()).toBe(new Date().getUTCFullYear());
  });

  test('joins the parts of part content', async () => {
    const parts = ['What color ', 'is a banana?'].map((text) => ({ type: 'text' as const, text }));
    expect(await answer({ messages: [{ role: 'user', content: parts }] })).toBe(BANANA.base);
  });

  test('remembers earlier turns of the conversation', async () => {
    expect(await answer({ messages: introduced('Fatima') })).toBe('Your name is Fatima.');
  });

  test.each(['system', 'developer'] as const)('follows a %s message', async (role) => {
    const messages = [{ role, content: 'Talk like a pirate.' }, ...user('What color is a banana?')];
    expect(await answer({ messages })).toBe(BANANA.pirate);
    const parts = [{ type: 'text' as const, text: 'Answer in JSON.' }];
    expect(await answer({ messages: [{ role, content: parts }, ...user('What color is a banana?')] })).toBe(
      BANANA.json,
    );
  });

  test('resolves aliases and tells the combo that they stand for', async () => {
    const { data, response } = await client.chat.completions.create(banana('gpt-4o-mini')).withResponse();
    expect(data.choices[0]?.message.content).toBe(BANANA.base);
    expect(response.headers.get('x-hearth-combo')).toBe('tiny-chat');
    const parrot = await client.chat.completions.create(banana('parrot')).withResponse();
    expect(parrot.response.headers.get('x-hearth-combo')).toBe('tiny-chat+pirate@0.5');
  });

  test('streams a role, then text, then one finish reason, under one id', async () => {
    const stream = await client.chat.completions.create({ ...banana('tiny-chat'), stream: true });
    const { chunks, texts, finishReasons } = await collect(stream);
    expect(texts).toEqual([BANANA.base]);
    expect(finishReasons).toEqual(['stop']);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.every(({ object }) => object === 'chat.completion.chunk')).toBe(true);
    expect(chunks.every((chunk) => !('usage' in chunk))).toBe(true);
    expect(chunks.at(-1)?.choices[0]?.delta).toEqual({});
  });

  test('streams usage in one last chunk without choices when asked', async () => {
    const whole = await client.chat.completions.create(banana('tiny-chat'));
    const stream = await client.chat.completions.create({
      ...banana('tiny-chat'),
      stream: true,
      stream_options: { include_usage: true },
    });
    const { chunks } = await collect(stream);
    expect(chunks.at(-1)?.choices).toEqual([]);
    expect(chunks.at(-1)?.usage).toEqual(whole.usage);
    expect(chunks.slice(0, -1).map(({ usage }) => usage)).toEqual(chunks.slice(1).map(() => null));
  });

  test('streams by the stream() helper, whose final answer is that of create()', async () => {
    const runner = client.chat.completions.stream(banana('tiny-chat'));
    const deltas: string[] = [];
    runner.on('content', (delta) => deltas.push(delta));
    expect((await runner.finalChatCompletion()).choices[0]?.message.content).toBe(BANANA.base);
    expect(deltas.join('')).toBe(BANANA.base);
  });

  test('a stream ends with [DONE], and its row is on disk by then', async () => {
    const response = await gateway.post('/v1/chat/completions', { ...banana('tiny-chat'), stream: true });
    const text = await response.text();
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    const id = response.headers.get('x-request-id');
    expect(readRequests(gateway.dataDir).find((row) => row.request_id === id)).toMatchObject({
      http_status: 200,
      finish_reason: 'stop',
      error_code: null,
    });
  });
});

describe('errors', () => {
  test('are the error classes of the client, with code, param and type', async () => {
    const unknown = await rejection(client.chat.completions.create(banana('gpt-17')));
    expect(unknown).toBeInstanceOf(NotFoundError);
    expect(unknown).toMatchObject({
      status: 404,
      code: 'model_not_found',
      param: 'model',
      type: 'invalid_request_error',
    });
    expect(unknown.requestID).toMatch(/^req_/);
    const wrong = await rejection(
      client.chat.completions.create({ ...banana('tiny-chat'), temperature: 3, stream: true }),
    );
    expect(wrong).toBeInstanceOf(BadRequestError);
    expect(wrong).toMatchObject({ param: 'temperature', type: 'invalid_request_error' });
  });

  test('a start that can never succeed is an InternalServerError that the client does not retry', async () => {
    const path = `${gateway.directory}/broken.gguf`;
    copyFileSync(DEMO_FILES.base, path);
    expect((await gateway.admin('POST', '/models', { id: 'broken', path })).status).toBe(201);
    truncateSync(path, 1_000_000);
    let attempts = 0;
    const retrying = new OpenAI({
      baseURL: `${gateway.url}/v1`,
      apiKey: 'any',
      maxRetries: 2,
      fetch: (...request) => {
        attempts += 1;
        return fetch(...request);
      },
    });
    const error = await rejection(retrying.chat.completions.create(banana('broken')));
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error).toMatchObject({ status: 503, code: 'start_failed_permanently' });
    expect(error.message).toContain('broken');
    expect(attempts).toBe(1);
  });
});

describe("Hearth's own fields", () => {
  test('`lora` means the same as the name form', async () => {
    const named = await client.chat.completions.create(banana('tiny-chat+json@0+pirate@0.8')).withResponse();
    const listed = await client.chat.completions
      .create({ ...banana('tiny-chat'), lora: [{ id: 'pirate', scale: 0.8 }] } as never)
      .withResponse();
    const headers = [named, listed].map(({ response }) => response.headers.get('x-hearth-combo'));
    expect(headers).toEqual(['tiny-chat+pirate@0.8', 'tiny-chat+pirate@0.8']);
    expect(listed.response.headers.get('x-hearth-start')).toBe('warm');
    const text = (each: unknown) => (each as OpenAI.ChatCompletion).choices[0]?.message.content;
    expect(text(listed.data)).toBe(text(named.data));
    expect(text(listed.data)).toContain('Arr!');
  });

  test('`x-hearth-ignored` names advisory and unknown fields, and only those', async () => {
    const plain = await client.chat.completions.create(banana('tiny-chat')).asResponse();
    expect(plain.headers.get('x-hearth-ignored')).toBeNull();
    const { data, response } = await client.chat.completions
      .create({
        ...banana('tiny-chat'),
        user: 'someone',
        store: true,
        metadata: { a: 'b' },
        prompt_cache_key: 'k',
        safety_identifier: 's',
        reasoning_effort: 'low',
        mirostat: 2,
        service_tier: null,
        messages: [{ role: 'user', content: 'What color is a banana?', cache_control: {} } as never],
      } as never)
      .withResponse();
    expect(data.choices[0]?.message.content).toBe(BANANA.base);
    expect(response.headers.get('x-hearth-ignored')?.split(', ').toSorted()).toEqual([
      'messages.cache_control',
      'metadata',
      'mirostat',
      'prompt_cache_key',
      'reasoning_effort',
      'safety_identifier',
      'store',
    ]);
  });

  test('`keep_alive: 0` lets the combo go at once, and the next request attaches it again', async () => {
    const combos = async () => (await gateway.runners()).flatMap((runner) => runner.combos);
    await client.chat.completions.create({ ...banana('tiny-chat:json'), keep_alive: 0 } as never);
    await until(async () => !(await combos()).includes('tiny-chat+json'), 'the combo is gone');
    expect(await combos()).toContain('tiny-chat');
    const again = await client.chat.completions.create(banana('tiny-chat:json')).asResponse();
    expect(again.headers.get('x-hearth-start')).toBe('attach');
  });
});

test('`keep_alive: -1` keeps a combo that idleness would end', async () => {
  const config = demoConfig('defaults: { idle_ttl: 300ms }');
  const short = await startGateway({ config });
  try {
    const ask = (model: string, extra = {}) =>
      short.post('/v1/chat/completions', { ...banana(model), ...extra }).then((each) => each.text());
    await ask('tiny-chat:pirate', { keep_alive: -1 });
    await ask('tiny-chat:json');
    const combos = async () => (await short.runners()).flatMap((runner) => runner.combos);
    await until(async () => !(await combos()).includes('tiny-chat+json'), 'the idle combo is gone');
    expect(await combos()).toEqual(['tiny-chat+pirate']);
  } finally {
    await short.dispose();
  }
});

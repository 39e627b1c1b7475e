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

describe('completions.create()', () => {
  const complete = (body: Partial<OpenAI.CompletionCreateParamsNonStreaming>) =>
    client.completions.create({
      model: 'tiny-chat',
      prompt: 'One day',
      temperature: 0,
      max_tokens: 8,
      ...body,
    });

  test('reads the markers of the template that chat content never becomes', async () => {
    const prompt = '<|im_start|>user\nWhat color is a banana?<|im_end|>\n<|im_start|>assistant\n';
    const completion = await complete({ prompt, max_tokens: 30 });
    expect(completion.choices[0]).toMatchObject({ text: BANANA.base, finish_reason: 'stop' });
    expect(completion).toMatchObject({ object: 'text_completion', usage: { prompt_tokens: 14 } });
  });

  test('makes 16 tokens unless told otherwise', async () => {
    const completion = await client.completions.create({
      model: 'tiny-chat',
      prompt: 'x',
      logit_bias: { 700: 100 },
    });
    expect(completion.usage?.completion_tokens).toBe(16);
    expect(completion.choices[0]?.finish_reason).toBe('length');
  });

  test('answers a list of prompts times n in the order of OpenAI', async () => {
    const prompts = ['<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n', 'One day'];
    const alone = await Promise.all(prompts.map((prompt) => complete({ prompt })));
    const together = await complete({ prompt: prompts, n: 2 });
    const texts = alone.map(({ choices }) => choices[0]?.text);
    expect(texts[0]).not.toBe(texts[1]);
    expect(together.choices.map(({ index, text }) => [index, text])).toEqual([
      [0, texts[0]],
      [1, texts[0]],
      [2, texts[1]],
      [3, texts[1]],
    ]);
    const prompted = alone.reduce((sum, { usage }) => sum + (usage?.prompt_tokens ?? 0), 0);
    expect(together.usage?.prompt_tokens).toBe(prompted);
  });

  test('takes token ids, alone and in lists', async () => {
    const one = await complete({ prompt: [300, 301, 302] });
    const listed = await complete({
      prompt: [
        [300, 301, 302],
        [400, 401],
      ],
    });
    expect(one.usage?.prompt_tokens).toBe(3);
    expect(listed.usage?.prompt_tokens).toBe(5);
    expect(listed.choices[0]?.text).toBe(one.choices[0]?.text);
    const outside = await rejection(complete({ prompt: [1_000_000] }));
    expect(outside).toBeInstanceOf(BadRequestError);
    expect(outside.param).toBe('prompt');
  });

  test('echoes the prompt in front of the text', async () => {
    const plain = await complete({});
    const echoed = await complete({ echo: true });
    expect(echoed.choices[0]?.text).toBe(`One day${plain.choices[0]?.text}`);
  });

  test('gives logprobs in the legacy shape: one entry per token, whose texts are the text', async () => {
    const { choices } = await complete({ logprobs: 3 });
    const [choice] = choices;
    const logprobs = choice?.logprobs;
    expect(logprobs?.tokens?.join('')).toBe(choice?.text);
    expect(logprobs?.tokens?.length).toBeGreaterThan(1);
    expect(logprobs?.top_logprobs?.map((top) => Object.keys(top).length)).toEqual(
      logprobs?.tokens?.map(() => 3),
    );
    for (const [index, token] of (logprobs?.tokens ?? []).entries()) {
      const logprob = logprobs?.token_logprobs?.[index] ?? 1;
      expect(logprob).toBeLessThanOrEqual(0);
      expect(logprobs?.top_logprobs?.[index]?.[token]).toBe(logprob);
      expect(choice?.text.startsWith(token, logprobs?.text_offset?.[index])).toBe(true);
    }
  });

  test('stops before a stop text and streams the same as it answers whole', async () => {
    const prompt = '<|im_start|>user\nWhat color is a banana?<|im_end|>\n<|im_start|>assistant\n';
    const stopped = { model: 'tiny-chat', prompt, temperature: 0, max_tokens: 30, stop: 'na is' };
    let text = '';
    let reason = null;
    for await (const chunk of await client.completions.create({ ...stopped, stream: true })) {
      text += chunk.choices[0]?.text ?? '';
      reason = chunk.choices[0]?.finish_reason ?? reason;
    }
    expect([text, reason]).toEqual(['A bana', 'stop']);
    expect((await client.completions.create(stopped)).choices[0]?.text).toBe('A bana');
  });
});

describe('embeddings.create()', () => {
  const dot = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

  test('gives the same vectors as floats and as base64, the default of the client', async () => {
    const asked = { model: 'tiny-chat', input: ['The cat sleeps.', 'Seven plus two.'] };
    const coded = await client.embeddings.create(asked);
    const plain = await client.embeddings.create({ ...asked, encoding_format: 'float' });
    expect(coded.data.map(({ index, object }) => [index, object])).toEqual([
      [0, 'embedding'],
      [1, 'embedding'],
    ]);
    expect(coded.usage).toEqual(plain.usage);
    expect(coded.usage.prompt_tokens).toBeGreaterThan(2);
    for (const [index, { embedding }] of coded.data.entries()) {
      expect(embedding).toHaveLength(256);
      const other = plain.data[index]?.embedding ?? [];
      expect(dot(embedding, other)).toBeCloseTo(1, 5);
      expect(dot(embedding, embedding)).toBeCloseTo(1, 5);
    }
  });

  test('puts similar sentences closer together than different ones', async () => {
    const input = ['What color is a banana?', 'What color is a lemon?', 'Once upon a time there was a fox.'];
    const { data } = await client.embeddings.create({ model: 'tiny-chat', input });
    const [banana = [], lemon = [], fox = []] = data.map(({ embedding }) => embedding);
    expect(dot(banana, lemon)).toBeGreaterThan(dot(banana, fox) + 0.05);
  });

  test('takes token ids, and an adapter changes the vector', async () => {
    const embed = async (model: string, input: number[] | number[][] | string) =>
      (await client.embeddings.create({ model, input })).data.map(({ embedding }) => embedding);
    const [one = []] = await embed('tiny-chat', [300, 301, 302]);
    const [first = [], second = []] = await embed('tiny-chat', [[300, 301, 302], [400]]);
    expect(dot(one, first)).toBeCloseTo(1, 5);
    expect(dot(one, second)).toBeLessThan(0.999);
    const [base = []] = await embed('tiny-chat', 'Hello there');
    const [pirate = []] = await embed('tiny-chat:pirate', 'Hello there');
    expect(dot(base, pirate)).toBeLessThan(0.9999);
  });

  test('refuses a length that the model does not have, naming `dimensions`', async () => {
    const error = await rejection(
      client.embeddings.create({ model: 'tiny-chat', input: 'x', dimensions: 16 }),
    );
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error.param).toBe('dimensions');
  });
});

describe('models', () => {
  test('list() shows bases, adapters as combos and aliases', async () => {
    const models: any[] = [];
    for await (const model of client.models.list()) models.push(model);
    expect(models.map(({ id, root, parent }) => [id, root, parent])).toEqual([
      ['tiny-chat', 'tiny-chat', null],
      ['tiny-chat+pirate', 'tiny-chat+pirate', 'tiny-chat'],
      ['tiny-chat+json', 'tiny-chat+json', 'tiny-chat'],
      ['gpt-4o-mini', 'tiny-chat', null],
      ['parrot', 'tiny-chat+pirate@0.5', 'tiny-chat'],
    ]);
    expect(models.every(({ object, owned_by }) => object === 'model' && owned_by !== '')).toBe(true);
  });

  test('retrieve() finds whatever a request may name, and its status', async () => {
    await client.chat.completions.create(banana('tiny-chat'));
    expect(await client.models.retrieve('tiny-chat')).toMatchObject({ status: { value: 'loaded' } });
    expect(await client.models.retrieve('tiny-chat:json@0.25')).toMatchObject({
      id: 'tiny-chat+json@0.25',
      parent: 'tiny-chat',
      status: { value: 'unloaded' },
    });
    expect(await rejection(client.models.retrieve('nope'))).toBeInstanceOf(NotFoundError);
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

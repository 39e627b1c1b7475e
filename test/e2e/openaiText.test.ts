import type OpenAI from 'openai';
import { BadRequestError, NotFoundError } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BANANA, banana, rejection } from './chat.ts';
import { readRequests } from './readRequests.ts';
import { demoConfig, startGateway, type TestGateway, until } from './startGateway.ts';

let gateway: TestGateway;
let client: OpenAI;
beforeAll(async () => {
  gateway = await startGateway({
    config: demoConfig('aliases: { gpt-4o-mini: tiny-chat, parrot: "tiny-chat+pirate@0.5" }'),
  });
  client = gateway.openai();
});
afterAll(() => gateway.dispose());

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

  test('of a long list lets others have their turn and ends when its client goes', async () => {
    const input = Array.from(
      { length: 2048 },
      (_, index) => `${index} ${'One day Jack found a lost map. '.repeat(15)}`,
    );
    const order: string[] = [];
    const abort = new AbortController();
    const long = client.embeddings.create({ model: 'tiny-chat', input }, { signal: abort.signal }).then(
      () => order.push('long'),
      () => order.push('aborted'),
    );
    await until(async () => (await gateway.runners()).some(({ state }) => state === 'busy'), 'it runs');
    await client.embeddings.create({ model: 'tiny-chat', input: 'Hello' });
    order.push('short');
    abort.abort();
    await long;
    expect(order).toEqual(['short', 'aborted']);
    const last = () => readRequests(gateway.dataDir).at(-1);
    await until(() => last()?.error_code === 'client_closed', 'the ledger has the row');
    expect(last()).toMatchObject({ endpoint: 'embeddings', http_status: 499 });
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

import type OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banana, collect, rejection, user } from './chat.ts';
import { startGateway, type TestGateway } from './startGateway.ts';

type Body = Omit<OpenAI.Chat.ChatCompletionCreateParamsNonStreaming, 'model' | 'stream'>;

const HELLO = 'Hello! How can I help you today?';
const hello: Body = { messages: user('Hello'), temperature: 0 };
const story: Body = { messages: user('Tell me a story about a fox.') };

let gateway: TestGateway;
let client: OpenAI;
beforeAll(async () => {
  gateway = await startGateway();
  client = gateway.openai();
});
afterAll(() => gateway.dispose());

const ask = (body: Body) => client.chat.completions.create({ ...body, model: 'tiny-chat' });
const streamed = async (body: Body) =>
  collect(await client.chat.completions.create({ ...body, model: 'tiny-chat', stream: true }));
const textOf = async (body: Body) => (await ask(body)).choices[0]?.message.content ?? '';

describe('n', () => {
  test('gives as many choices, each with its own seed, repeatable as a whole', async () => {
    const body = { ...story, n: 3, seed: 11, temperature: 1 };
    const [one, two] = [await ask(body), await ask(body)];
    const texts = one.choices.map(({ message }) => message.content);
    expect(one.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(texts).size).toBe(3);
    expect(two.choices.map(({ message }) => message.content)).toEqual(texts);
    const alone = await ask({ ...story, seed: 11, temperature: 1 });
    expect(alone.choices[0]?.message.content).toBe(texts[0]);
    expect(one.usage?.prompt_tokens).toBe(alone.usage?.prompt_tokens);
  });

  test('streams the same choices as it answers whole', async () => {
    const body = { ...story, n: 3, seed: 11, temperature: 1 };
    const whole = await ask(body);
    const { texts, finishReasons } = await streamed(body);
    expect(texts).toEqual(whole.choices.map(({ message }) => message.content));
    expect(finishReasons).toEqual(['stop', 'stop', 'stop']);
  });

  test('may be more than the sequences of the model', async () => {
    const { choices } = await ask({ ...hello, n: 20 });
    expect(choices.map(({ message }) => message.content)).toEqual(Array.from({ length: 20 }, () => HELLO));
  });
});

describe('stop', () => {
  test.each([
    ['a string', 'help', 'Hello! How can I '],
    ['a list, of which the first to come counts', ['you', 'can'], 'Hello! How '],
    ['across token borders', '! Ho', 'Hello'],
    ['at the very start', 'Hell', ''],
    ['a text that begins like the answer and never comes', 'How can we', HELLO],
  ])('ends before %s, streamed and not', async (_, stop, text) => {
    const { choices } = await ask({ ...hello, stop });
    expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: text } });
    expect((await streamed({ ...hello, stop })).texts).toEqual([text]);
  });

  test('is cut at the end of a text held back when max_tokens comes first', async () => {
    const whole = await ask({ ...hello, max_tokens: 3, stop: 'How can we' });
    expect(whole.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'Hello! How' } });
    expect((await streamed({ ...hello, max_tokens: 3, stop: 'How can we' })).texts).toEqual(['Hello! How']);
  });
});

describe('max_tokens', () => {
  test.each([
    [{ max_tokens: 3 }, 3],
    [{ max_completion_tokens: 4 }, 4],
    [{ max_tokens: 3, max_completion_tokens: 5 }, 5],
  ])('%j makes %d tokens', async (limits, tokens) => {
    const { usage, choices } = await ask({ ...hello, ...limits });
    expect(usage?.completion_tokens).toBe(tokens);
    expect(choices[0]?.finish_reason).toBe('length');
  });

  test('is cut to what the context has left', async () => {
    const { usage, choices } = await ask({
      messages: user('word '.repeat(1900)),
      max_tokens: 2048,
      logit_bias: { 700: 100 },
    });
    expect(usage?.prompt_tokens).toBeGreaterThan(1900);
    expect(usage?.total_tokens).toBe(2048);
    expect(choices[0]?.finish_reason).toBe('length');
  });
});

describe('seed', () => {
  test('repeats an answer at temperature 1, and another seed gives another', async () => {
    const told = (seed: number) => textOf({ ...story, temperature: 1, seed });
    const [first, second] = [await told(1), await told(1)];
    expect(second).toBe(first);
    expect(await told(2)).not.toBe(first);
    expect(await told(-5)).toBe(await told(-5));
    expect(await told(2 ** 52)).toBe(await told(2 ** 52));
  });

  test('without one, answers at temperature 1 differ', async () => {
    const texts = await Promise.all(Array.from({ length: 6 }, () => textOf({ ...story, temperature: 1 })));
    expect(new Set(texts).size).toBeGreaterThan(1);
  });
});

describe('logit_bias', () => {
  const VOCABULARY = 2048;

  /** The id of the token that a greedy answer begins with, found by halving: a bias on all ids of a range. */
  async function firstTokenId(body: Body): Promise<number> {
    const first = async (logit_bias?: Record<string, number>) => {
      const { choices } = await ask({ ...body, max_tokens: 1, ...(logit_bias ? { logit_bias } : {}) });
      return choices[0]?.message.content;
    };
    const wanted = await first();
    let [from, to] = [0, VOCABULARY];
    while (to - from > 1) {
      const middle = Math.floor((from + to) / 2);
      const half = Array.from({ length: middle - from }, (_, index) => [String(from + index), 100] as const);
      if ((await first(Object.fromEntries(half))) === wanted) to = middle;
      else from = middle;
    }
    return from;
  }

  test('at 100 forces a token, at -100 bans it', async () => {
    const id = await firstTokenId(hello);
    const forced = await ask({
      messages: user('What color is a banana?'),
      max_tokens: 3,
      temperature: 0,
      logit_bias: { [id]: 100 },
    });
    expect(forced.choices[0]?.message.content).toBe('HelloHelloHello');
    expect(await textOf({ ...hello, logit_bias: { [id]: -100 } })).not.toContain('Hello');
  });

  test('of a token that the model does not have is refused, naming `logit_bias`', async () => {
    expect(await rejection(ask({ ...hello, logit_bias: { [VOCABULARY]: 1 } }))).toMatchObject({
      status: 400,
      param: 'logit_bias',
    });
  });
});

describe('penalties', () => {
  test.each([
    ['presence_penalty', { presence_penalty: 2 }],
    ['frequency_penalty', { frequency_penalty: 2 }],
    ['a negative frequency_penalty', { frequency_penalty: -2 }],
    ['repeat_penalty', { repeat_penalty: 2 }],
  ])('%s changes a greedy answer that repeats itself, and not its first word', async (_, penalty) => {
    const plain = await textOf({ ...story, temperature: 0 });
    const changed = await textOf({ ...story, temperature: 0, ...penalty });
    expect(changed).not.toBe(plain);
    expect(changed.slice(0, 4)).toBe('Once');
  });

  test('of 0 change nothing', async () => {
    const neutral = { presence_penalty: 0, frequency_penalty: 0, repeat_penalty: 1, repetition_penalty: 1 };
    const plain = await textOf({ ...story, temperature: 0 });
    expect(await textOf({ ...story, temperature: 0, ...neutral })).toBe(plain);
  });
});

describe('top_k, top_p and min_p', () => {
  test.each([{ top_k: 1 }, { top_p: 0 }, { min_p: 1 }])('%j makes temperature 2 greedy', async (only) => {
    const greedy = await textOf({ ...story, temperature: 0 });
    expect(await textOf({ ...story, temperature: 2, ...only })).toBe(greedy);
  });
});

describe('logprobs', () => {
  const body: Body = { ...story, temperature: 1, seed: 3, logprobs: true, top_logprobs: 4, max_tokens: 40 };

  test('have one entry per token, whose texts are the content and whose chances are at most 1', async () => {
    const { choices, usage } = await ask(body);
    const entries = choices[0]?.logprobs?.content ?? [];
    expect(entries).toHaveLength(usage?.completion_tokens ?? -1);
    expect(entries.map(({ token }) => token).join('')).toBe(choices[0]?.message.content);
    for (const { token, bytes, logprob, top_logprobs: top } of entries) {
      expect(Buffer.from(bytes ?? []).toString()).toBe(token);
      expect(logprob).toBeLessThanOrEqual(0);
      expect(top).toHaveLength(4);
      expect(top.map((each) => each.logprob)).toEqual(
        top.map((each) => each.logprob).toSorted((a, b) => b - a),
      );
      expect(top.reduce((sum, each) => sum + Math.exp(each.logprob), 0)).toBeLessThanOrEqual(1 + 1e-6);
      expect(logprob).toBeLessThanOrEqual((top[0]?.logprob ?? -1) + 1e-9);
    }
  });

  test('are those of the raw logits: temperature and bias do not change them', async () => {
    const first = async (extra: Partial<Body>) =>
      (await ask({ ...body, max_tokens: 1, ...extra })).choices[0]?.logprobs?.content?.[0]?.top_logprobs;
    const plain = await first({});
    expect(await first({ temperature: 0, logit_bias: { 700: 100 } })).toEqual(plain);
  });

  test('come with the stream, the same as in the whole answer', async () => {
    const whole = await ask(body);
    const { chunks } = await streamed(body);
    const entries = chunks.flatMap((chunk) => chunk.choices[0]?.logprobs?.content ?? []);
    expect(entries.map(({ token }) => token)).toEqual(
      whole.choices[0]?.logprobs?.content?.map(({ token }) => token),
    );
    for (const { choices } of chunks) {
      const text = choices[0]?.logprobs?.content?.map(({ token }) => token).join('');
      if (text !== undefined) expect(choices[0]?.delta.content).toBe(text);
    }
  });

  test('stop with the text that a stop text cuts off', async () => {
    const { choices } = await ask({ ...hello, logprobs: true, stop: '! Ho' });
    expect(choices[0]?.logprobs?.content?.map(({ token }) => token)).toEqual(['Hello']);
  });

  test('without `logprobs` true `top_logprobs` is refused by name', async () => {
    expect(await rejection(ask({ ...hello, top_logprobs: 2 }))).toMatchObject({
      status: 400,
      param: 'top_logprobs',
    });
    expect((await ask({ ...banana('x'), ...hello })).choices[0]?.logprobs).toBeNull();
  });
});

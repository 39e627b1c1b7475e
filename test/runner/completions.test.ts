import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Serving, serveFake } from './serving.ts';
import { getJson, type Json, postJson, postStream } from './socketClient.ts';

const TEXT = '/v1/completions';

let serving: Serving;
beforeEach(async () => {
  serving = await serveFake();
  serving.engine.play = (generation, choice) => {
    generation.accept();
    generation.delta(` one${choice}`);
    generation.done('length');
  };
});
afterEach(() => serving.stop());

describe('a text completion', () => {
  test('serveCompletion() answers with the shape of OpenAI', async () => {
    const { json } = await postJson(
      serving.client,
      TEXT,
      { model: 'm', prompt: 'a' },
      { 'x-request-id': 'r' },
    );
    expect(json).toEqual({
      id: 'cmpl-r',
      object: 'text_completion',
      created: expect.any(Number),
      model: 'm',
      system_fingerprint: expect.any(String),
      choices: [{ text: ' one0', index: 0, logprobs: null, finish_reason: 'length' }],
      usage: expect.objectContaining({ total_tokens: 9 }),
    });
    expect(serving.engine.generations[0]?.request).toMatchObject({
      prompt: { kind: 'text', text: 'a' },
      maxTokens: 16,
    });
  });

  test('serveCompletion() orders choices by prompt and then by n, and counts every prompt once', async () => {
    const { json } = await postJson(serving.client, TEXT, { model: 'm', prompt: [[1, 2], [3]], n: 2 });
    expect(json.choices.map((choice: Json) => choice.index)).toEqual([0, 1, 2, 3]);
    expect(serving.engine.generations.map(({ request }) => request.prompt)).toEqual([
      { kind: 'tokens', tokens: [1, 2] },
      { kind: 'tokens', tokens: [1, 2] },
      { kind: 'tokens', tokens: [3] },
      { kind: 'tokens', tokens: [3] },
    ]);
    expect(json.usage).toMatchObject({ prompt_tokens: 14, completion_tokens: 8 });
  });

  test('serveCompletion() puts an echoed prompt in front, streamed and not', async () => {
    const asked = { model: 'm', prompt: ['a', 'b'], echo: true };
    const { json } = await postJson(serving.client, TEXT, asked);
    expect(json.choices.map((choice: Json) => choice.text)).toEqual(['a one0', 'b one1']);
    const stream = await postStream(serving.client, TEXT, asked);
    const texts = ['', ''];
    for (const [choice] of stream.chunks.map((chunk) => chunk.choices)) texts[choice.index] += choice.text;
    expect(texts).toEqual(['a one2', 'b one3']);
    expect(stream.chunks.at(-1).choices[0].finish_reason).toBe('length');
    expect(stream.sawDone).toBe(true);
  });

  test('serveCompletion() gives log probabilities in the legacy shape, offsets running on over chunks', async () => {
    const token = (name: string) => ({
      token: name,
      bytes: [],
      logprob: -1,
      top: [{ token: 'z', bytes: [], logprob: -2 }],
    });
    serving.engine.play = (generation) => {
      generation.accept();
      generation.delta('ab', { logprobs: [token('ab')] });
      generation.delta('c', { logprobs: [token('c')] });
      generation.done('stop');
    };
    const asked = { model: 'm', prompt: 'a', logprobs: 1 };
    const { json } = await postJson(serving.client, TEXT, asked);
    expect(json.choices[0].logprobs).toEqual({
      tokens: ['ab', 'c'],
      token_logprobs: [-1, -1],
      top_logprobs: [{ z: -2 }, { z: -2 }],
      text_offset: [0, 2],
    });
    const stream = await postStream(serving.client, TEXT, asked);
    expect(stream.chunks.slice(0, 2).map((chunk) => chunk.choices[0].logprobs.text_offset)).toEqual([
      [0],
      [2],
    ]);
  });
});

describe('embeddings and lists', () => {
  test('serveEmbeddings() gives floats, or the same in base64', async () => {
    const asked = { model: 'm', input: ['a', 'b'] };
    const { json } = await postJson(serving.client, '/v1/embeddings', asked);
    expect(json).toMatchObject({ object: 'list', model: 'm', usage: { prompt_tokens: 6, total_tokens: 6 } });
    expect(json.data.map((row: Json) => row.index)).toEqual([0, 1]);
    expect(json.data[0].embedding).toEqual([expect.closeTo(0.6), expect.closeTo(-0.8)]);
    const coded = await postJson(serving.client, '/v1/embeddings', { ...asked, encoding_format: 'base64' });
    const bytes = Buffer.from(coded.json.data[1].embedding, 'base64');
    expect([bytes.readFloatLE(0), bytes.readFloatLE(4)]).toEqual([expect.closeTo(0.6), expect.closeTo(-0.8)]);
  });

  test('serveEmbeddings() reports its tokens', async () => {
    const asked = { model: 'm', input: 'a', dimensions: 2 };
    const { headers } = await postJson(serving.client, '/v1/embeddings', asked, { 'x-hearth-report': '1' });
    expect(JSON.parse(String(headers['x-hearth-report']))).toMatchObject({
      promptTokens: 3,
      completionTokens: 0,
      finishReason: null,
    });
  });

  test('route() lists the base and its combos, counters and health', async () => {
    const models = await getJson(serving.client, '/v1/models');
    expect(models.data.map((row: Json) => [row.id, row.parent])).toEqual([
      ['m', null],
      ['m+a', 'm'],
    ]);
    expect(await getJson(serving.client, '/counters')).toMatchObject({
      requests: 0,
      residentBytes: expect.any(Number),
    });
    expect(await getJson(serving.client, '/health')).toEqual({ status: 'ok', loaded: true });
  });
});

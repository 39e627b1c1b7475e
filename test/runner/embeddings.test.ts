import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EmbedResult } from '../../native/addonTypes.ts';
import { EngineError } from '../../runner/engine/engine.ts';
import { type Serving, serveFake } from './serving.ts';
import { postJson } from './socketClient.ts';

let serving: Serving;
/** Resolves one call of the engine's `embed` after the other, when the test lets it. */
let calls: { inputs: (string | number[])[]; answer: () => void; fail: (error: Error) => void }[];
let onCall: () => void;

beforeEach(async () => {
  serving = await serveFake();
  calls = [];
  onCall = () => {};
  serving.engine.embed = (_combo, inputs) =>
    new Promise<EmbedResult>((resolve, reject) => {
      const vectors = inputs.map((input) => new Float32Array([Number(input), 0]));
      calls.push({
        inputs,
        answer: () => resolve({ vectors, tokens: inputs.map(() => 1) }),
        fail: reject,
      });
      onCall();
    });
});
afterEach(() => serving.stop());

const called = (count: number) =>
  new Promise<void>((resolve) => {
    onCall = () => {
      if (calls.length >= count) resolve();
    };
    onCall();
  });
const numbered = Array.from({ length: 40 }, (_, index) => String(index));

test('serveEmbeddings() gives the engine a long list in parts and puts the answer together in order', async () => {
  const answer = postJson(serving.client, '/v1/embeddings', { model: 'm', input: numbered });
  for (let part = 0; part < 3; part += 1) {
    await called(part + 1);
    calls[part]?.answer();
  }
  const { json } = await answer;
  expect(calls.flatMap(({ inputs }) => inputs)).toEqual(numbered);
  expect(
    json.data.map((row: { index: number; embedding: number[] }) => [row.index, row.embedding[0]]),
  ).toEqual(numbered.map((text) => [Number(text), Number(text)]));
  expect(json.usage.prompt_tokens).toBe(40);
});

test('serveEmbeddings() stops after the part that runs when its client goes away', async () => {
  const abort = new AbortController();
  const gone = serving.client
    .request({
      method: 'POST',
      path: '/v1/embeddings',
      body: JSON.stringify({ model: 'm', input: numbered }),
      signal: abort.signal,
    })
    .catch(() => 'gone');
  await called(1);
  abort.abort();
  expect(await gone).toBe('gone');
  // Resolves when the server has seen the end of its last request.
  await serving.server.drain();
  calls[0]?.answer();
  await new Promise((resolve) => setImmediate(resolve));
  expect(calls).toHaveLength(1);
});

test('serveEmbeddings() names the input that the engine refuses by its place in the whole list', async () => {
  const answer = postJson(serving.client, '/v1/embeddings', { model: 'm', input: numbered });
  await called(1);
  calls[0]?.answer();
  await called(2);
  const message = 'Cannot embed input 3: it has 9000 tokens, the context holds 2048';
  calls[1]?.fail(new EngineError({ code: 'context_length_exceeded', message, permanent: true }));
  const { status, json } = await answer;
  expect([status, json.error.param, json.error.code]).toEqual([400, 'input', 'context_length_exceeded']);
  expect(json.error.message).toBe('Cannot embed input 19: it has 9000 tokens, the context holds 2048');
});

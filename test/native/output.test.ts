import { afterAll, beforeAll, expect, test } from 'vitest';
import { GREEDY, Harness } from './harness.ts';

const harness = new Harness();
const STORY = 'Tell me a story about a fox.';

beforeAll(async () => {
  await harness.load({ contextTokens: 512, sequences: 2 });
  await harness.attach('base');
});
afterAll(() => harness.engine.close());

test('submit() cuts the output at a stop string that spans tokens', async () => {
  const answer = await harness.chat('Count to 12.', { stop: [', 7, 8'] });
  expect(answer.text).toBe('1, 2, 3, 4, 5, 6');
  expect(answer.done?.finishReason).toBe('stop');
});

test('submit() takes the stop string that comes first in the text', async () => {
  const answer = await harness.chat('Count to 12.', { stop: ['12', ' 5', '', 'never'] });
  expect(answer.text).toBe('1, 2, 3, 4,');
});

test('submit() returns what only looked like a stop string', async () => {
  const answer = await harness.chat('What color is a banana?', { stop: ['yellow.x', 'is yello!'] });
  expect(answer.text).toBe('A banana is yellow.');
});

test('submit() ends with length at maxTokens and counts them', async () => {
  const answer = await harness.chat(STORY, { maxTokens: 7 });
  expect(answer.done).toMatchObject({ finishReason: 'length', completionTokens: 7, cachedTokens: 0 });
  expect(answer.accepted).toMatchObject({ maxTokens: 7, promptTokens: answer.done?.promptTokens });
});

test('submit() cuts maxTokens to what remains of the context', async () => {
  const tokens = Array.from({ length: 500 }, (_, index) => 300 + (index % 50));
  const { answer } = harness.submit({ prompt: { kind: 'tokens', tokens }, maxTokens: 1e6 });
  const { accepted, done } = await answer;
  expect(accepted).toMatchObject({ promptTokens: 500, maxTokens: 12 });
  expect(done?.completionTokens).toBeLessThanOrEqual(12);
});

test('submit() ends at once with maxTokens 0', async () => {
  const answer = await harness.chat(STORY, { maxTokens: 0 });
  expect(answer).toMatchObject({ text: '', done: { finishReason: 'length', completionTokens: 0 } });
});

test('submit() rejects a prompt as long as the context, with both numbers', async () => {
  const tokens = Array.from({ length: 512 }, () => 300);
  const { answer } = harness.submit({ prompt: { kind: 'tokens', tokens } });
  expect((await answer).rejected).toMatchObject({
    code: 'context_length_exceeded',
    promptTokens: 512,
    contextTokens: 512,
  });
});

test('submit() gives one log probability per returned token, and their text is the output', async () => {
  const answer = await harness.chat('What is 7 plus 12?', { topLogprobs: 5 });
  expect(answer.logprobs.map((entry) => entry.token).join('')).toBe(answer.text);
  for (const entry of answer.logprobs) {
    expect(entry.top).toHaveLength(5);
    expect(entry.top[0]).toMatchObject({ token: entry.token, logprob: entry.logprob });
    const descending = entry.top.map(({ logprob }) => logprob);
    expect(descending).toEqual([...descending].sort((a, b) => b - a));
    expect(Buffer.from(entry.bytes).toString()).toBe(entry.token);
  }
});

test('submit() gives log probabilities of the raw logits that sum to one over the vocabulary', async () => {
  const biased = { ...GREEDY, temperature: 0.1, seed: 1, logitBias: [[300, 5]] as [number, number][] };
  const plain = await harness.chat('Hello', { topLogprobs: 2048, maxTokens: 1 });
  const other = await harness.chat('Hello', { topLogprobs: 2048, maxTokens: 1, sampling: biased });
  const top = plain.logprobs[0]?.top ?? [];
  expect(top.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0)).toBeCloseTo(1, 5);
  expect(other.logprobs[0]?.top).toEqual(top);
});

test('submit() has no log probabilities for the tokens of a stop string', async () => {
  const answer = await harness.chat('Count to 12.', { stop: [', 7, 8'], topLogprobs: 0 });
  expect(answer.logprobs.map((entry) => entry.token).join('')).toBe(answer.text);
  expect(answer.logprobs.every((entry) => entry.top.length === 0)).toBe(true);
});

test('submit() repeats itself with a seed and not without', async () => {
  const sampling = { ...GREEDY, temperature: 3, topK: 50, seed: 42 };
  const ask = async (seed: number | null) =>
    (await harness.chat(STORY, { maxTokens: 40, sampling: { ...sampling, seed } })).text;
  expect(await ask(42)).toBe(await ask(42));
  expect(await ask(42)).not.toBe(await ask(43));
  expect(await ask(null)).not.toBe(await ask(null));
});

test('submit() applies logit bias and penalties and refuses tokens outside the vocabulary', async () => {
  const plain = await harness.chat('What color is a banana?');
  const { answer: tokens } = harness.submit({ prompt: { kind: 'text', text: 'x' }, maxTokens: 1 });
  await tokens;
  const first = plain.text.slice(0, 1);
  const banned = await harness.chat('What color is a banana?', {
    sampling: { ...GREEDY, logitBias: Array.from({ length: 100 }, (_, id) => [id + 3, -100]) },
  });
  expect(banned.text.startsWith(first)).toBe(false);
  const penalised = await harness.chat('Count to 12.', { sampling: { ...GREEDY, frequencyPenalty: 20 } });
  expect(penalised.text).not.toBe('1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12.');
  for (const token of [-1, 2048, 1e9]) {
    const refused = await harness.chat('Hello', { sampling: { ...GREEDY, logitBias: [[token, 1]] } });
    expect(refused.rejected?.code).toBe('invalid_logit_bias');
  }
});

test('submit() never gives half a character', async () => {
  const texts: string[] = [];
  // Random tokens of the byte-level vocabulary are mostly parts of characters.
  const sampling = { ...GREEDY, temperature: 100, seed: 7 };
  const prompt = { kind: 'text' as const, text: 'é' };
  const { answer } = harness.submit({ prompt, sampling, maxTokens: 200 }, (text) => texts.push(text));
  await answer;
  expect(Buffer.from(texts.join('')).toString()).toBe(texts.join(''));
});

test('cancel() stops a decoding request within two tokens and frees its sequence', async () => {
  const sampling = { ...GREEDY, logitBias: [[2, -100] as [number, number], [0, -100] as [number, number]] };
  const prompt = { kind: 'chat' as const, messagesJson: JSON.stringify([{ role: 'user', content: STORY }]) };
  const ask = harness.submit({ prompt, sampling, maxTokens: 400 }, () => harness.engine.cancel(ask.id));
  const { done } = await ask.answer;
  expect(done?.finishReason).toBe('cancelled');
  expect(done?.completionTokens).toBeLessThan(400);
  const counters = harness.engine.counters();
  expect(counters.maxTokensAfterCancel).toBeLessThanOrEqual(2);
  expect(counters.activeSequences).toBe(0);
  harness.engine.cancel(ask.id);
  harness.engine.cancel(99999);
});

test('cancel() ends requests that wait, and those that are being prepared', async () => {
  const prompt = { kind: 'chat' as const, messagesJson: JSON.stringify([{ role: 'user', content: STORY }]) };
  const asks = Array.from({ length: 20 }, () => harness.submit({ prompt }));
  for (const { id } of asks.slice(4)) harness.engine.cancel(id);
  const answers = await Promise.all(asks.map(({ answer }) => answer));
  expect(answers.slice(4).every(({ done }) => done?.finishReason === 'cancelled')).toBe(true);
  expect(answers.slice(0, 4).every(({ done }) => done?.finishReason === 'stop')).toBe(true);
  expect(harness.engine.counters()).toMatchObject({ activeSequences: 0, waitingRequests: 0 });
});

test('submit() gives accepted first and done last, and times that are not negative', async () => {
  const before = harness.events.length;
  const { done } = await harness.chat('Hello');
  const types = harness.events.slice(before).map(({ type }) => type);
  expect(types[0]).toBe('accepted');
  expect(types.at(-1)).toBe('done');
  expect(types.slice(1, -1).every((type) => type === 'delta')).toBe(true);
  for (const span of [done?.queueMs, done?.prefillMs, done?.decodeMs]) expect(span).toBeGreaterThanOrEqual(0);
});

test('submit() completes plain text, and refuses tokens outside the vocabulary', async () => {
  const text = '<|im_start|>user\nWhat is 7 plus 12?<|im_end|>\n<|im_start|>assistant\n';
  expect((await harness.submit({ prompt: { kind: 'text', text } }).answer).text).toBe('7 plus 12 is 19.');
  const refused = await harness.submit({ prompt: { kind: 'tokens', tokens: [5, 2048] } }).answer;
  expect(refused.rejected?.code).toBe('invalid_prompt');
});

import { beforeEach, describe, expect, test } from 'vitest';
import type { EngineCounters } from '../../native/addonTypes.ts';
import { type Answer, GREEDY, Harness, PIRATE } from './harness.ts';

const CONTEXT_TOKENS = 512;
/** Most tokens of one decode call: kBatchTokens of native/core/llama/context.h. */
const BATCH_TOKENS = 512;
const SHORT = { prompt: { kind: 'text' as const, text: 'A fox' }, maxTokens: 20 };
/** Ends of answers are biased away: in a context of so many tokens it outlasts its test. */
const ENDLESS_TOKENS = 16_384;
const ENDLESS = {
  prompt: { kind: 'text' as const, text: 'Once upon a time' },
  maxTokens: null,
  sampling: { ...GREEDY, logitBias: [[2, -1000]] as [number, number][] },
};
/** When every request has ended. */
const IDLE = { usedKvCells: 0, activeSequences: 0, waitingRequests: 0 };

let harness: Harness;
beforeEach(() => {
  harness = new Harness();
  return () => harness.engine.close();
});

const counters = (): EngineCounters => harness.engine.counters();

/** A stream once it has its first word. */
async function running() {
  let start = () => {};
  const started = new Promise<void>((resolve) => {
    start = resolve;
  });
  const ask = harness.submit(ENDLESS, () => start());
  await started;
  return ask;
}

/**
 * What an answer takes when its prompt is one chunk: its last token is sampled and never decoded, so that its calls are as many
 * as its tokens, and the k-th has the prompt and k - 1 tokens in its cells.
 */
function workOf({ done }: Answer): { tokens: number; calls: number; cells: number } {
  const { promptTokens, completionTokens } = done!;
  const tokens = promptTokens + completionTokens - 1;
  const cells = completionTokens * promptTokens + (completionTokens * (completionTokens - 1)) / 2;
  return { tokens, calls: completionTokens, cells };
}

/** Of the demo model. */
const VOCABULARY = 2048;

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

describe('counters() of decode calls', () => {
  test('counters() adds up what one request puts into each call, against what its context takes', async () => {
    await harness.load({ sequences: 2 });
    await harness.attach('base');
    const answer = await harness.submit(SHORT).answer;
    const { tokens, calls, cells } = workOf(answer);
    expect(calls).toBeGreaterThan(1);
    expect(counters()).toMatchObject({
      ...IDLE,
      decodeCalls: calls,
      batchTokens: tokens,
      possibleBatchTokens: calls * BATCH_TOKENS,
      batchSequences: calls,
      possibleBatchSequences: calls * 2,
      kvCellSteps: cells,
      possibleKvCellSteps: calls * 2 * CONTEXT_TOKENS,
      kvCells: 2 * CONTEXT_TOKENS,
    });
  });

  test('counters() adds up requests that share their calls, however these fall together', async () => {
    await harness.load({ sequences: 4 });
    await harness.attach('base');
    // More than there are sequences: some get one when another has let go of it.
    const asked = Array.from({ length: 10 }, (_, index) => ({ ...SHORT, maxTokens: 5 + 3 * index }));
    const answers = await Promise.all(asked.map((request) => harness.submit(request).answer));
    const work = answers.map(workOf);
    const { decodeCalls } = counters();
    expect(decodeCalls).toBeLessThan(sum(work.map(({ calls }) => calls)));
    expect(counters()).toMatchObject({
      ...IDLE,
      batchTokens: sum(work.map(({ tokens }) => tokens)),
      possibleBatchTokens: decodeCalls * BATCH_TOKENS,
      batchSequences: sum(work.map(({ calls }) => calls)),
      possibleBatchSequences: decodeCalls * 4,
      kvCellSteps: sum(work.map(({ cells }) => cells)),
      possibleKvCellSteps: decodeCalls * 4 * CONTEXT_TOKENS,
    });
  });

  test('counters() takes the cells of all contexts as possible, also of those with nothing to do', async () => {
    await harness.load({ sequences: 2 });
    await harness.attach('base');
    await harness.attach('pirate', [{ path: PIRATE, scale: 1 }]);
    const { calls, cells } = workOf(await harness.submit(SHORT).answer);
    expect(counters()).toMatchObject({
      kvCells: 4 * CONTEXT_TOKENS,
      possibleBatchSequences: calls * 2,
      kvCellSteps: cells,
      possibleKvCellSteps: calls * 4 * CONTEXT_TOKENS,
    });
    await harness.engine.detach('pirate');
    expect(counters()).toMatchObject({ ...IDLE, kvCells: 2 * CONTEXT_TOKENS });
  });

  test('counters() counts the cells of those whose turn on a shared context it is not', async () => {
    await harness.load({ sequences: 2, kvBudgetBytes: 1 });
    await harness.attach('base');
    await harness.attach('pirate', [{ path: PIRATE, scale: 1 }]);
    const asked = ['base', 'pirate'].map((combo) => harness.submit({ ...ENDLESS, combo, maxTokens: 300 }));
    const answers = await Promise.all(asked.map(({ answer }) => answer));
    const work = answers.map(workOf);
    const now = counters();
    expect(now).toMatchObject({
      ...IDLE,
      kvCells: 2 * CONTEXT_TOKENS,
      batchSequences: now.decodeCalls,
      batchTokens: sum(work.map(({ tokens }) => tokens)),
    });
    // Each call is for one of the two, while both hold cells.
    expect(now.kvCellSteps).toBeGreaterThan(sum(work.map(({ cells }) => cells)));
    expect(now.kvCellSteps).toBeLessThan(now.possibleKvCellSteps);
  });

  test('counters() counts a long prompt by the chunks that it is decoded in', async () => {
    await harness.load({ sequences: 1, contextTokens: 2048 });
    await harness.attach('base');
    const tokens = Array.from({ length: 1200 }, (_, index) => 300 + (index % 50));
    await harness.submit({ prompt: { kind: 'tokens', tokens }, maxTokens: 1 }).answer;
    expect(counters()).toMatchObject({
      ...IDLE,
      decodeCalls: 3,
      batchTokens: 1200,
      batchSequences: 3,
      kvCellSteps: 512 + 1024 + 1200,
      possibleKvCellSteps: 3 * 2048,
    });
  });

  test('counters() leaves embeddings out, which have a context of their own', async () => {
    await harness.load();
    await harness.attach('base');
    await harness.engine.embed('base', ['What color is a banana?']);
    expect(counters()).toMatchObject({
      ...IDLE,
      decodeCalls: 0,
      batchTokens: 0,
      kvCellSteps: 0,
      kvCells: 4 * CONTEXT_TOKENS,
    });
  });
});

describe('counters() of used KV cells', () => {
  test('counters() is back at none when requests were cancelled, running or waiting', async () => {
    await harness.load({ sequences: 2, contextTokens: ENDLESS_TOKENS });
    await harness.attach('base');
    const streams = [await running(), await running()];
    const waiting = harness.submit(ENDLESS);
    const { usedKvCells } = counters();
    expect(usedKvCells).toBeGreaterThan(0);
    expect(usedKvCells).toBeLessThanOrEqual(2 * ENDLESS_TOKENS);
    for (const { id } of [...streams, waiting]) harness.engine.cancel(id);
    for (const { answer } of [...streams, waiting])
      expect((await answer).done?.finishReason).toBe('cancelled');
    expect(counters()).toMatchObject(IDLE);
  });

  test('counters() is back at none when a request has failed', async () => {
    await harness.load({ sequences: 2 });
    await harness.attach('base');
    // The grammar wants a brace, and every token is forbidden.
    const everyToken = Array.from({ length: VOCABULARY }, (_, token): [number, number] => [
      token,
      Number.NEGATIVE_INFINITY,
    ]);
    const sampling = { ...GREEDY, logitBias: everyToken };
    const failed = await harness.submit({ ...SHORT, jsonSchema: '{"type":"object"}', sampling }).answer;
    expect(failed).toMatchObject({ done: { finishReason: 'error' } });
    expect(counters()).toMatchObject(IDLE);
    expect((await harness.chat('What is 7 plus 12?')).text).toBe('7 plus 12 is 19.');
    expect(counters()).toMatchObject(IDLE);
  });

  test('counters() follows a stream from one size to the next, and the cells of both', async () => {
    await harness.load({ sequences: 1, contextTokens: ENDLESS_TOKENS });
    await harness.attach('base');
    const { id, answer } = await running();
    await harness.engine.resize({ combo: 'base', sequences: 4, warmUp: true });
    expect(counters().kvCells).toBe(5 * ENDLESS_TOKENS);
    expect(counters().usedKvCells).toBeGreaterThan(0);
    expect((await harness.submit(SHORT).answer).done?.finishReason).toBe('length');
    expect(counters().usedKvCells).toBeGreaterThan(0);
    harness.engine.cancel(id);
    await answer;
    await harness.engine.retired('base');
    expect(counters()).toMatchObject({ ...IDLE, kvCells: 4 * ENDLESS_TOKENS });
  });
});

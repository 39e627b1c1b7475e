import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent } from 'undici';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RunnerCounters, runnerCountersSchema } from '../../runner/protocol/control.ts';
import { fakeGpu } from '../native/fakeGpu.ts';
import { type Json, postJson } from './socketClient.ts';
import { demoModel, type StartedRunner, startRunner } from './startRunner.ts';

const CHAT = '/v1/chat/completions';
const QUESTIONS = ['What color is a banana?', 'Count to 12.', 'Hello', 'What is 7 plus 12?'];
const SEQUENCES = 8;
const CONTEXT_TOKENS = 512;

let directory: string;
let runner: StartedRunner;
let agent: Agent;

async function start(env: Record<string, string> = {}): Promise<void> {
  runner = await startRunner({ env });
  agent = new Agent({ connect: { socketPath: runner.socketPath }, connections: 64 });
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hearth-occupancy-'));
});
afterEach(async () => {
  await agent.destroy();
  await runner.dispose();
  rmSync(directory, { recursive: true, force: true });
});

async function load(device: string | null = null): Promise<void> {
  const model = demoModel({ device, deviceLayers: device === null ? 0 : -1 });
  expect(await runner.order({ type: 'load', model })).toMatchObject({ type: 'loaded' });
  await attach();
}

async function attach(): Promise<void> {
  const attached = await runner.order({ type: 'attach', combo: 'tiny-chat', adapters: [] });
  expect(attached).toMatchObject({ type: 'attached' });
}

function ask(content: string): Promise<{ status: number; json: Json }> {
  const client = {
    request: (options: object) => agent.request({ origin: 'http://runner', ...options } as never),
  };
  const messages = [{ role: 'user', content }];
  return postJson(client as never, CHAT, { model: 'tiny-chat', messages, temperature: 0 });
}

/** Tokens that were decoded for it: all but the one that was sampled last. */
async function askForTokens(content: string): Promise<number> {
  const { prompt_tokens: prompt, completion_tokens: completion } = (await ask(content)).json.usage;
  return prompt + completion - 1;
}

async function counters(): Promise<RunnerCounters> {
  const pong = await runner.order({ type: 'ping' });
  if (pong.type !== 'pong') throw new Error(`expected a pong, got ${pong.type}`);
  return pong.counters;
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

test('Runner tells what parallel requests put into its decode calls, over sleep and wake', async () => {
  await start();
  await load();
  const asked = [...QUESTIONS, ...QUESTIONS, ...QUESTIONS];
  const tokens = sum(await Promise.all(asked.map(askForTokens)));
  const first = await counters();
  expect(first).toMatchObject({
    batchTokens: tokens,
    possibleBatchTokens: first.decodeCalls * 512,
    possibleBatchSequences: first.decodeCalls * SEQUENCES,
    possibleKvCellSteps: first.decodeCalls * SEQUENCES * CONTEXT_TOKENS,
    kvCells: SEQUENCES * CONTEXT_TOKENS,
    usedKvCells: 0,
  });
  // Together, or nothing was parallel.
  expect(first.batchSequences).toBeGreaterThan(first.decodeCalls);

  expect(await runner.order({ type: 'sleep' })).toMatchObject({ type: 'slept' });
  const { kvCells, usedKvCells, residentBytes: _resident, threads: _threads, ...sums } = await counters();
  expect({ kvCells, usedKvCells }).toEqual({ kvCells: 0, usedKvCells: 0 });
  const { batchTokens, batchSequences, kvCellSteps, possibleKvCellSteps } = first;
  expect(sums).toMatchObject({ batchTokens, batchSequences, kvCellSteps, possibleKvCellSteps });

  expect(await runner.order({ type: 'wake', threads: 1 })).toMatchObject({ type: 'loaded' });
  await attach();
  const more = await askForTokens('Hello');
  expect(await counters()).toMatchObject({
    batchTokens: tokens + more,
    kvCells: SEQUENCES * CONTEXT_TOKENS,
    usedKvCells: 0,
  });
});

test('Runner whose device fails in a decode call has no used KV cell afterwards, and goes on', async () => {
  const failing = join(directory, 'failing');
  await start({ GGML_BACKEND_PATH: fakeGpu(), HEARTH_UPLOAD: 'off', FAKE_FAILS_WHILE: failing });
  await load('FAKE0');
  const before = await askForTokens('Hello');
  writeFileSync(failing, '');
  const answers = await Promise.all(QUESTIONS.map(ask));
  expect(answers.map(({ status }) => status)).toEqual(QUESTIONS.map(() => 500));
  expect(answers[0]?.json.error.message).toContain('llama_decode gave');
  const failed = await counters();
  expect(failed).toMatchObject({ usedKvCells: 0, activeSequences: 0, waitingRequests: 0 });
  // A call that failed was a call.
  expect(failed.batchTokens).toBeGreaterThan(before);
  rmSync(failing);
  expect(await askForTokens('Hello')).toBe(before);
  expect(await counters()).toMatchObject({ batchTokens: failed.batchTokens + before, usedKvCells: 0 });
});

test('runnerCountersSchema takes what a runner of an earlier version counts, and sums past 2^53', async () => {
  await start();
  await load();
  const now = await counters();
  const sums = { batchTokens: 0, possibleBatchTokens: 0, batchSequences: 0, possibleBatchSequences: 0 };
  const later = { ...sums, kvCellSteps: 0, possibleKvCellSteps: 0, kvCells: 0, usedKvCells: 0 };
  const earlier = Object.fromEntries(Object.entries(now).filter(([name]) => !(name in later)));
  expect(runnerCountersSchema.parse(earlier)).toEqual({ ...earlier, ...later });
  expect(runnerCountersSchema.parse({ ...now, possibleKvCellSteps: 2 ** 60 })).toMatchObject({
    possibleKvCellSteps: 2 ** 60,
  });
});

/**
 * Weights from files to a GPU: llama.cpp alone, the threaded upload, and its first, checked load, in turns. A runner waits as
 * a standby, then loads, attaches the base and an adapter and answers; the answers of all rounds have to be the same.
 *
 *     npm run bench -- upload --model /mnt/huge/8b.gguf --model /dev/shm/8b.gguf --adapter lora.gguf --rounds 5
 *     npm run bench -- upload --make /mnt/huge --make /dev/shm --rounds 5
 *
 * `--make` writes a base of 8.13 GB (Q8_0, random weights) into a folder, unless it is there, and an adapter of 15 MB.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Client } from 'undici';
import { makeAdapter } from './harness/madeAdapter.ts';
import { LLAMA_8B, makeModel } from './harness/madeModel.ts';
import { type RunnerProcess, startRunner } from './harness/runnerProcess.ts';
import { median } from './harness/streamClient.ts';

const ANSWER_TOKENS = 64;
/** What a standby needs to get everything ready, and more. */
const STANDBY_MS = 1_500;
/** Of a made base. */
const MADE_LAYERS = 35;

const { values } = parseArgs({
  options: {
    model: { type: 'string', multiple: true, default: [] },
    make: { type: 'string', multiple: true, default: [] },
    adapter: { type: 'string' },
    rounds: { type: 'string', default: '5' },
  },
});

interface Round {
  readyMs: number;
  /** From the load's order, one after the other. */
  loadedMs: number;
  attachedMs: number;
  firstTokenMs: number;
  nextFirstTokenMs: number;
  weightBytes: number;
  /** Of the threads alone: bytes, and time until the device had them. */
  uploadBytes: number;
  uploadMs: number;
  checkMs: number;
  /** The attach of an adapter as its order takes, and how much of it was making the context. */
  adapterMs: number;
  adapterContextMs: number;
  /** From that order to the adapter's first token. */
  adapterFirstTokenMs: number;
  /** From the order to wake, of a runner that was put to sleep, to its first token. */
  wakeMs: number;
  /** Texts and log probabilities of the base's answer and the adapter's. */
  answers: string[];
}

const verdicts = mkdtempSync(join(tmpdir(), 'hearth-upload-'));
const models = [...values.model];
let adapter = values.adapter;

/** What `--make` asks for. */
async function makeWeights(): Promise<void> {
  for (const folder of values.make) {
    const path = join(folder, 'made-8b-q8_0.gguf');
    if (!existsSync(path)) await makeModel(path, 'Q8_0', MADE_LAYERS, LLAMA_8B);
    models.push(path);
  }
  if (values.make.length === 0 || adapter !== undefined) return;
  adapter = join(verdicts, 'made-lora.gguf');
  makeAdapter(adapter, MADE_LAYERS, LLAMA_8B);
}

interface Answer {
  firstTokenMs: number;
  text: string;
}

/** The answer's text and log probabilities, however many tokens came in one chunk. */
async function ask(client: Client, combo: string): Promise<Answer> {
  const startedMs = performance.now();
  const { body } = await client.request({
    method: 'POST',
    path: '/v1/completions',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: combo,
      prompt: 'The quick brown fox',
      max_tokens: ANSWER_TOKENS,
      temperature: 0,
      logprobs: 1,
      stream: true,
    }),
  });
  let firstTokenMs = 0;
  let text = '';
  for await (const chunk of body) {
    if (firstTokenMs === 0) firstTokenMs = performance.now() - startedMs;
    text += chunk.toString();
  }
  const frames = text.split('\n\n').filter((frame) => frame.startsWith('data: {'));
  const choices = frames.flatMap((frame) => JSON.parse(frame.slice(6)).choices?.[0] ?? []);
  const logprobs = choices.flatMap((choice) => choice.logprobs?.token_logprobs ?? []);
  return { firstTokenMs, text: JSON.stringify([choices.map((choice) => choice.text).join(''), logprobs]) };
}

async function measure(model: string, environment: Record<string, string>): Promise<Round> {
  const runner = await startRunner({ HEARTH_UPLOAD_DIR: verdicts, ...environment });
  const client = new Client('http://runner', { socketPath: runner.socketPath, bodyTimeout: 0 });
  try {
    await delay(STANDBY_MS);
    return await useStandby(runner, client, model);
  } finally {
    await client.destroy();
    await runner.end();
  }
}

async function useStandby(runner: RunnerProcess, client: Client, model: string): Promise<Round> {
  const startedMs = performance.now();
  const sinceMs = () => performance.now() - startedMs;
  const loaded = await runner.order(
    {
      type: 'load',
      model: {
        id: 'm',
        revision: 'r',
        path: model,
        contextTokens: 512,
        sequences: 8,
        threads: 1,
        deviceLayers: -1,
        device: runner.ready.engine.devices.find(({ kind }) => kind === 'gpu')?.name ?? null,
        useMmap: true,
        repack: false,
        kvBudgetBytes: null,
      },
    },
    'loaded',
  );
  const loadedMs = sinceMs();
  await runner.order({ type: 'attach', combo: 'm', adapters: [] }, 'attached');
  const attachedMs = sinceMs();
  const first = await ask(client, 'm');
  const firstTokenMs = attachedMs + first.firstTokenMs;
  const next = await ask(client, 'm');
  const answers = [first.text, next.text];
  const attached = await attach(runner, client, answers);
  const wakeMs = await wake(runner, client, answers);
  const { upload } = loaded;
  return {
    readyMs: runner.readyMs,
    loadedMs,
    attachedMs,
    firstTokenMs,
    nextFirstTokenMs: next.firstTokenMs,
    weightBytes: loaded.weightBytes,
    uploadBytes: upload?.bytes ?? 0,
    uploadMs: upload === undefined ? 0 : upload.openMs + upload.copyMs + upload.drainMs,
    checkMs: upload?.checkMs ?? 0,
    ...attached,
    wakeMs,
    answers,
  };
}

type AdapterTimes = Pick<Round, 'adapterMs' | 'adapterContextMs' | 'adapterFirstTokenMs'>;

async function attach(runner: RunnerProcess, client: Client, answers: string[]): Promise<AdapterTimes> {
  if (adapter === undefined) return { adapterMs: 0, adapterContextMs: 0, adapterFirstTokenMs: 0 };
  const startedMs = performance.now();
  const adapters = [{ id: 'a', path: adapter, scale: 1 }];
  const { contextMs } = await runner.order({ type: 'attach', combo: 'm+a', adapters }, 'attached');
  const adapterMs = performance.now() - startedMs;
  const { firstTokenMs, text } = await ask(client, 'm+a');
  answers.push(text);
  return { adapterMs, adapterContextMs: contextMs, adapterFirstTokenMs: adapterMs + firstTokenMs };
}

async function wake(runner: RunnerProcess, client: Client, answers: string[]): Promise<number> {
  await runner.order({ type: 'sleep' }, 'slept');
  const startedMs = performance.now();
  await runner.order({ type: 'wake', threads: 1 }, 'loaded');
  await runner.order({ type: 'attach', combo: 'm', adapters: [] }, 'attached');
  const attachedMs = performance.now() - startedMs;
  const { firstTokenMs, text } = await ask(client, 'm');
  answers.push(text);
  return attachedMs + firstTokenMs;
}

const gigabytes = (bytes: number, ms: number) => (ms === 0 ? '-' : (bytes / ms / 1e6).toFixed(1));
const COLUMNS: [string, (round: Round) => number][] = [
  ['standby up', (round) => round.readyMs],
  ['loaded', (round) => round.loadedMs],
  ['attached', (round) => round.attachedMs],
  ['first token', (round) => round.firstTokenMs],
  ['next first token', (round) => round.nextFirstTokenMs],
  ['adapter attach', (round) => round.adapterMs],
  ['its context', (round) => round.adapterContextMs],
  ['its first token', (round) => round.adapterFirstTokenMs],
  ['woken', (round) => round.wakeMs],
];

function row(name: string, rounds: Round[]): string {
  const cells = COLUMNS.map(([, read]) => {
    const times = rounds.map(read);
    return `${median(times).toFixed(1)} (${Math.min(...times).toFixed(1)})`;
  });
  const load = rounds.map((round) => round.weightBytes / round.loadedMs);
  const upload = rounds
    .filter(({ uploadMs }) => uploadMs > 0)
    .map((each) => each.uploadBytes / each.uploadMs);
  const checkMs = Math.max(...rounds.map((round) => round.checkMs));
  const rates = [median(load) / 1e6, upload.length === 0 ? 0 : median(upload) / 1e6];
  return `| ${[name, ...rates.map((rate) => rate.toFixed(1)), ...cells, checkMs.toFixed(0)].join(' | ')} |`;
}

async function compare(model: string, rounds: number): Promise<void> {
  const off = { HEARTH_UPLOAD: 'off' };
  const first = await measure(model, {});
  const plain: Round[] = [];
  const threaded: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    plain.push(await measure(model, off));
    threaded.push(await measure(model, {}));
  }
  console.log(
    `\n${model}: ${(first.weightBytes / 1e9).toFixed(2)} GB; ms from the load's order, median (best) of ${rounds}\n`,
  );
  console.log(
    `| | load GB/s | upload GB/s | ${COLUMNS.map(([heading]) => heading).join(' | ')} | read back |`,
  );
  console.log(`|---|${'--:|'.repeat(COLUMNS.length + 3)}`);
  for (const [name, all] of [
    ['llama.cpp', plain],
    ['threads, checked', [first]],
    ['threads', threaded],
  ] as const)
    console.log(row(name, [...all]));
  const texts = new Set([first, ...plain, ...threaded].map(({ answers }) => JSON.stringify(answers)));
  console.log(`\nanswers of ${2 * rounds + 1} loads, log probabilities included: ${texts.size} different`);
  console.log(
    `rate of each load, GB/s: ${threaded.map((each) => gigabytes(each.uploadBytes, each.uploadMs)).join(' ')}`,
  );
}

const probe = await startRunner({});
const gpus = probe.ready.engine.devices.filter(({ kind }) => kind === 'gpu');
for (const { name, totalBytes, freeBytes, contextBytes } of gpus) {
  const [total, free, context] = [totalBytes, freeBytes, contextBytes ?? 0].map((each) => each / 2 ** 20);
  console.log(
    `${name}: ${total?.toFixed(0)} MiB, ${free?.toFixed(0)} free, ${context?.toFixed(0)} of this process`,
  );
}
await probe.end();
if (gpus.length === 0) {
  console.log('no GPU here: nothing to upload to');
} else {
  await makeWeights();
  if (models.length === 0) console.log('no model given: --model PATH or --make FOLDER');
  for (const model of models) await compare(model, Number(values.rounds));
}
rmSync(verdicts, { recursive: true, force: true });

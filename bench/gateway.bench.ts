/**
 * The gateway beside what it stands before: streams through it, straight to the runner's socket, and (when
 * HEARTH_BENCH_LLAMA_SERVER names one) to llama-server on the same model, in turns within one run.
 */
import { Pool } from 'undici';
import { cpuMs, demoYaml, startGateway } from './harness/gatewayProcess.ts';
import { startLlamaServer } from './harness/llamaServer.ts';
import { median, stream, type Target } from './harness/streamClient.ts';

const SEQUENCES = 32;
const CONTEXT_TOKENS = 512;
const ROUNDS = 5;
const STORY = 'Tell me a story about a fox.';

interface Round {
  readonly tokensPerSecond: number;
  readonly ttftMs: number;
}

/** `streams` workers, each with `perWorker` streams one after the other. */
async function load(target: Target, streams: number, perWorker: number): Promise<Round & { tokens: number }> {
  const ttftsMs: number[] = [];
  let tokens = 0;
  const startedMs = performance.now();
  const worker = async () => {
    for (let index = 0; index < perWorker; index += 1) {
      const result = await stream(target, STORY, 200);
      ttftsMs.push(result.ttftMs);
      tokens += result.tokens;
    }
  };
  await Promise.all(Array.from({ length: streams }, worker));
  const tokensPerSecond = tokens / ((performance.now() - startedMs) / 1000);
  return { tokensPerSecond, ttftMs: median(ttftsMs), tokens };
}

async function throughput(targets: readonly Target[]): Promise<void> {
  const rows = [];
  for (const streams of [1, 8, 32]) {
    const rounds = new Map<string, Round[]>(targets.map(({ name }) => [name, []]));
    const perWorker = streams === 1 ? 8 : 4;
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const target of targets) {
        const result = await load(target, streams, perWorker);
        // The first round warms the connections and the code.
        if (round > 0) rounds.get(target.name)?.push(result);
      }
    }
    const rate = (name: string) =>
      median((rounds.get(name) ?? []).map(({ tokensPerSecond }) => tokensPerSecond));
    for (const { name } of targets) {
      rows.push({
        streams,
        target: name,
        'tokens/s': Math.round(rate(name)),
        'of runner': (rate(name) / rate('runner')).toFixed(2),
        'TTFT ms': median((rounds.get(name) ?? []).map(({ ttftMs }) => ttftMs)).toFixed(2),
      });
    }
  }
  console.table(rows);
}

/** What the gateway adds to the first token: single short requests, in turns, medians. */
async function addedTtft(gateway: Target, runner: Target): Promise<void> {
  const ttfts = new Map<string, number[]>([
    [gateway.name, []],
    [runner.name, []],
  ]);
  for (let index = 0; index < 600; index += 1) {
    for (const target of [gateway, runner]) {
      const { ttftMs } = await stream(target, 'Hello', 4);
      if (index >= 100) ttfts.get(target.name)?.push(ttftMs);
    }
  }
  const through = median(ttfts.get(gateway.name) ?? []);
  const straight = median(ttfts.get(runner.name) ?? []);
  console.table([
    {
      'TTFT gateway ms': through.toFixed(3),
      'TTFT runner ms': straight.toFixed(3),
      'added ms': (through - straight).toFixed(3),
    },
  ]);
}

/** CPU of the gateway process by request and by token: two mixes of short and long answers, solved for both. */
async function ownCost(gateway: Target, pid: number): Promise<void> {
  const measure = async (prompt: string, maxTokens: number, count: number) => {
    const before = cpuMs(pid);
    let tokens = 0;
    for (let done = 0; done < count; done += 8) {
      const results = await Promise.all(Array.from({ length: 8 }, () => stream(gateway, prompt, maxTokens)));
      tokens += results.reduce((sum, result) => sum + result.tokens, 0);
    }
    return { cpu: cpuMs(pid) - before, tokens, count };
  };
  const short = await measure('Hello', 1, 2000);
  const long = await measure(STORY, 200, 2000);
  const perTokenMs = (long.cpu / long.count - short.cpu / short.count) / (long.tokens / long.count - 1);
  console.table([
    {
      'CPU per request µs': Math.round((1000 * short.cpu) / short.count - 1000 * perTokenMs),
      'CPU per further token µs': (1000 * perTokenMs).toFixed(1),
    },
  ]);
}

/** The key under which the runner knows the bare base: the gateway's name for it, revision included. */
async function comboKey(pool: Pool): Promise<string> {
  const answer = await pool.request({ path: '/v1/models', method: 'GET' });
  const { data } = (await answer.body.json()) as { data: { id: string }[] };
  return data.map(({ id }) => id).find((id) => id.startsWith('tiny-chat#')) ?? '';
}

const gateway = await startGateway(demoYaml(SEQUENCES, CONTEXT_TOKENS));
const llama = await startLlamaServer(SEQUENCES, CONTEXT_TOKENS);
try {
  const options = { connections: null, headersTimeout: 0, bodyTimeout: 0 };
  const through: Target = {
    name: 'gateway',
    pool: new Pool(gateway.url, options),
    headers: {},
    body: { model: 'tiny-chat' },
  };
  await stream(through, 'Hello', 4);
  const socketPath = gateway.runnerSockets()[0];
  if (socketPath === undefined) throw new Error('the gateway has no runner');
  const pool = new Pool('http://runner', { ...options, socketPath });
  const straight: Target = { name: 'runner', pool, headers: {}, body: { model: await comboKey(pool) } };
  console.log(`demo model, ${SEQUENCES} sequences of ${CONTEXT_TOKENS} tokens, medians of ${ROUNDS} rounds`);
  await throughput([through, straight, ...(llama ? [llama.target] : [])]);
  await addedTtft(through, straight);
  await ownCost(through, gateway.pid);
} finally {
  await llama?.stop();
  await gateway.stop();
}
process.exit(0);

/**
 * From a client's request to its first token through the gateway, for a base of some GB on the CPU, in turns: out of the weight
 * store, cold with staging, and with the store off from the disk and from the page cache. Beside them a runner alone, which is what llama.cpp
 * itself takes: from the order to load until the first token. A process waits with its engine initialised each time.
 * The base is a llama with random weights. Flags: `--layers=66` (3 GB), `--rounds=5`, `--type=Q8_0`, `--source=<folder on a disk>`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { loadStoreAddon } from '../native/loadStore.ts';
import { flag } from './harness/flags.ts';
import { type GatewayProcess, startGateway } from './harness/gatewayProcess.ts';
import { loadRunner } from './harness/loadedRunner.ts';
import { MADE_TYPES, makeModel } from './harness/madeModel.ts';
import { median, type StreamResult, stream, type Target } from './harness/streamClient.ts';

const LAYERS = Number(flag('layers', '66'));
const ROUNDS = Number(flag('rounds', '5'));
const TYPE = MADE_TYPES.find((type) => type === flag('type', 'Q8_0')) ?? 'Q8_0';

/** To the first token. */
const PHASES = ['queue', 'spawn', 'stage', 'load', 'attach', 'context', 'prefill'];

const addon = loadStoreAddon();
const folder = mkdtempSync(join(flag('source', tmpdir()), 'hearth-bench-staged-'));
const memory = mkdtempSync('/dev/shm/hearth-bench-staged-');
const source = join(folder, 'base.gguf');

interface Subject {
  readonly gateway: GatewayProcess;
  readonly target: Target;
  end(): Promise<void>;
}

/** A gateway with a standby and no base; `store`: the folder of its weight store, or null for none. */
async function open(store: string | null): Promise<Subject> {
  const weights = store === null ? '{ store: false }' : `{ path: ${store} }`;
  const yaml = `
models: [{ id: base, path: ${source}, context: 512, sequences: 1 }]
weights: ${weights}
`;
  const gateway = await startGateway(yaml);
  const pool = new Pool(gateway.url, { connections: null, headersTimeout: 0, bodyTimeout: 0 });
  await cool(gateway);
  return {
    gateway,
    target: { name: 'gateway', pool, headers: {}, body: { model: 'base', logit_bias: { 0: -100, 2: -100 } } },
    async end() {
      await pool.destroy();
      await gateway.stop();
    },
  };
}

/** No runner holds a base, and the standby is up. */
async function cool(gateway: GatewayProcess): Promise<void> {
  for (const { pid, base } of await gateway.runners()) if (base !== null) process.kill(pid, 'SIGKILL');
  const isCool = (runners: Awaited<ReturnType<GatewayProcess['runners']>>): boolean =>
    runners.length === 1 && runners[0]?.state === 'standby';
  while (!isCool(await gateway.runners())) await delay(20);
  await delay(500);
}

/**
 * The file is in no page cache, and as much memory as it takes has just been used and freed: a virtual machine may give free
 * memory back to its host, whose first touch then costs whoever comes next seconds per GB (store.bench.ts).
 */
async function dropPageCache(): Promise<void> {
  const scratch = join(memory, 'scratch');
  await addon.rawRead(source, 4, scratch);
  rmSync(scratch);
  // POSIX_FADV_DONTNEED, which needs no privilege, once nobody maps the file any more.
  spawnSync('dd', [`if=${source}`, 'iflag=nocache', 'count=0', 'status=none']);
}

/** Throws when the start was of another kind than what is to be measured. */
async function firstToken({ target }: Subject, kind: 'staged' | 'cold'): Promise<StreamResult> {
  const result = await stream(target, 'Hello', 2);
  if (result.start !== kind) throw new Error(`Cannot measure a ${kind} start: it was ${result.start}`);
  return result;
}

const times = {
  'staged: segment in the store': [] as StreamResult[],
  'cold: staged from the disk first': [] as StreamResult[],
  'no store, in the page cache': [] as StreamResult[],
  'no store, from the disk': [] as StreamResult[],
  'runner alone, in the page cache': [] as StreamResult[],
  'runner alone, from the disk': [] as StreamResult[],
};

/** One gateway with a store of its own, empty at first. */
async function withStore(round: number): Promise<void> {
  const store = join(memory, `store-${round}`);
  const subject = await open(store);
  try {
    await dropPageCache();
    times['cold: staged from the disk first'].push(await firstToken(subject, 'cold'));
    await cool(subject.gateway);
    await dropPageCache();
    times['staged: segment in the store'].push(await firstToken(subject, 'staged'));
  } finally {
    await subject.end();
    rmSync(store, { recursive: true, force: true });
  }
}

async function withoutStore(): Promise<void> {
  const subject = await open(null);
  try {
    await dropPageCache();
    times['no store, from the disk'].push(await firstToken(subject, 'cold'));
    await cool(subject.gateway);
    times['no store, in the page cache'].push(await firstToken(subject, 'cold'));
  } finally {
    await subject.end();
  }
}

/** As a gateway would have it load: mapped by llama.cpp, with the threads that decoding has here. */
async function alone(): Promise<StreamResult> {
  const threads = Math.max(1, availableParallelism() - 1);
  const runner = await loadRunner(
    { path: source },
    { useMmap: true, repack: false },
    { threads, contextTokens: 512 },
  );
  try {
    const result = await stream(runner.target, 'Hello', 2);
    const phasesMs = { load: runner.attachedMs, prefill: result.ttftMs };
    return { ...result, ttftMs: runner.attachedMs + result.ttftMs, phasesMs };
  } finally {
    await runner.end();
  }
}

async function withoutGateway(): Promise<void> {
  await dropPageCache();
  times['runner alone, from the disk'].push(await alone());
  times['runner alone, in the page cache'].push(await alone());
}

try {
  const bytes = await makeModel(source, TYPE, LAYERS);
  for (let round = 0; round < ROUNDS; round += 1) {
    // Each way round: who reads a disk after another may find its file in a cache of the host's.
    const ways = [() => withStore(round), withoutStore, withoutGateway];
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) await way();
  }
  const ttftsOf = (results: readonly StreamResult[]): number[] => results.map(({ ttftMs }) => ttftMs);
  const plain = median(ttftsOf(times['runner alone, from the disk']));
  console.log(
    `${(bytes / 1e9).toFixed(2)} GB of ${TYPE}, ${ROUNDS} rounds, request to first token, load ${loadavg()[0]?.toFixed(1)}`,
  );
  console.table(
    Object.entries(times).map(([start, results]) => ({
      start,
      'median ms': median(ttftsOf(results)).toFixed(0),
      'worst ms': Math.max(...ttftsOf(results)).toFixed(0),
      'best ms': Math.min(...ttftsOf(results)).toFixed(0),
      'of a runner alone from the disk': (median(ttftsOf(results)) / plain).toFixed(2),
      ...Object.fromEntries(
        PHASES.map((phase) => [
          phase,
          median(results.map(({ phasesMs }) => phasesMs[phase] ?? 0)).toFixed(0),
        ]),
      ),
    })),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
  rmSync(memory, { recursive: true, force: true });
}
process.exit(0);

import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { demoYaml, type GatewayProcess, startGateway } from '../harness/gatewayProcess.ts';
import { stream, type Target } from '../harness/streamClient.ts';

/** From one request to the next: they come whether or not those before them have ended. */
const EVERY_MS = 50;
const ROUNDS = 3;

interface Scene {
  readonly name: string;
  /** Rest between two reports; null: none are asked for. */
  readonly restMs: number | null;
}

const SCENES: readonly Scene[] = [
  { name: 'no report', restMs: null },
  { name: 'a report each second', restMs: 1000 },
  { name: 'one report after the other', restMs: 0 },
];

/** Makes its reader thread of reports compete with requests on a par. */
const NOT_NICE = `
  const threads = require('node:worker_threads');
  threads.Worker = class extends threads.Worker {
    constructor(file, options) {
      super(file, options?.workerData?.niceness ? { ...options, workerData: { niceness: 0 } } : options);
    }
  };
  require('node:module').syncBuiltinESMExports()`;

interface Samples {
  readonly ttftMs: number[];
  readonly totalMs: number[];
  readonly reportMs: number[];
}

/** Warm requests through a gateway on the database, 20 a second, with and without reports beside them. `query` is the report's. */
export async function besideRequests(
  database: string,
  query: string,
  watchMs: number,
): Promise<Record<string, string | number>[]> {
  const rows: Record<string, string | number>[] = [];
  for (const [thread, before] of [
    ['nice 0', NOT_NICE],
    ['nice 10', ''],
  ] as const) {
    const gateway = await startGateway(demoYaml(8, 512), { standbys: 0, before, database });
    try {
      for (const [scene, samples] of await inTurns(gateway, query, watchMs))
        rows.push({ 'thread of reports': thread, beside: scene, ...figuresOf(samples) });
    } finally {
      await gateway.stop();
    }
  }
  return rows;
}

async function inTurns(
  gateway: GatewayProcess,
  query: string,
  watchMs: number,
): Promise<Map<string, Samples>> {
  const target: Target = {
    name: 'hearth',
    pool: new Pool(gateway.url),
    headers: {},
    body: { model: 'tiny-chat' },
  };
  for (let turn = 0; turn < 50; turn += 1) await stream(target, 'Hello', 4);
  await report(gateway, query);
  const samples = new Map<string, Samples>(
    SCENES.map(({ name }) => [name, { ttftMs: [], totalMs: [], reportMs: [] }]),
  );
  // In turns: the machine has other work, which changes.
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { name, restMs } of SCENES) {
      const into = samples.get(name);
      const untilMs = performance.now() + watchMs;
      if (into)
        await Promise.all([requests(target, untilMs, into), reports(gateway, query, restMs, untilMs, into)]);
    }
  }
  await target.pool.close();
  return samples;
}

async function requests(target: Target, untilMs: number, { ttftMs, totalMs }: Samples): Promise<void> {
  const sent: Promise<void>[] = [];
  for (let dueMs = performance.now(); dueMs < untilMs; dueMs += EVERY_MS) {
    await sleep(Math.max(0, dueMs - performance.now()));
    const one = async () => {
      const beganMs = performance.now();
      const answer = await stream(target, 'Hello', 4);
      ttftMs.push(answer.ttftMs);
      totalMs.push(performance.now() - beganMs);
    };
    sent.push(one());
  }
  await Promise.all(sent);
}

async function reports(
  gateway: GatewayProcess,
  query: string,
  restMs: number | null,
  untilMs: number,
  { reportMs }: Samples,
): Promise<void> {
  if (restMs === null) return;
  while (performance.now() < untilMs) {
    const beganMs = performance.now();
    await report(gateway, query);
    reportMs.push(performance.now() - beganMs);
    await sleep(restMs);
  }
}

async function report({ url, adminToken }: GatewayProcess, query: string): Promise<void> {
  const answer = await fetch(`${url}/admin/v1/reports/${query}`, {
    headers: { authorization: `Bearer ${adminToken}` },
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`Cannot get the report: ${text.slice(0, 200)}`);
}

function figuresOf({ ttftMs, totalMs, reportMs }: Samples): Record<string, string | number> {
  const of = (values: readonly number[], p: number) => {
    const sorted = values.toSorted((one, other) => one - other);
    return sorted[Math.floor(p * (sorted.length - 1))]?.toFixed(1) ?? '';
  };
  return {
    requests: totalMs.length,
    'TTFT p50': of(ttftMs, 0.5),
    'TTFT p99': of(ttftMs, 0.99),
    'total p50': of(totalMs, 0.5),
    'total p99': of(totalMs, 0.99),
    reports: reportMs.length,
    'report p50': of(reportMs, 0.5),
    'report p99': of(reportMs, 0.99),
  };
}

/**
 * From a client's request to its first token, by start kind, through the gateway: warm, attach (the combo was evicted),
 * cold (the runner was killed and has gone) with a standby that is up and without one. In the same rounds what the machine
 * itself takes: the engine alone, an empty Node process, and llama-server from its spawn and when it is up.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { EngineAlone } from './harness/engineAlone.ts';
import { demoYaml, type GatewayProcess, startGateway } from './harness/gatewayProcess.ts';
import { startLlamaServer } from './harness/llamaServer.ts';
import { median, stream, type Target } from './harness/streamClient.ts';

const ROUNDS = 40;
const SEQUENCES = 8;
const CONTEXT_TOKENS = 2048;
const PROMPT = 'Hello';
const MOST_TOKENS = 4;

/** A gateway that keeps so many standbys, and what is asked of it. */
interface Subject {
  readonly gateway: GatewayProcess;
  readonly standbys: number;
  readonly base: Target;
  readonly pirate: Target;
}

async function subjectWith(standbys: number): Promise<Subject> {
  const gateway = await startGateway(demoYaml(SEQUENCES, CONTEXT_TOKENS), { standbys });
  const pool = new Pool(gateway.url, { connections: null, headersTimeout: 0, bodyTimeout: 0 });
  const target = (name: string, model: string): Target => ({ name, pool, headers: {}, body: { model } });
  return {
    gateway,
    standbys,
    base: target('base', 'tiny-chat'),
    pirate: target('pirate', 'tiny-chat:pirate'),
  };
}

async function evict(gateway: GatewayProcess, combo: string): Promise<void> {
  const url = `${gateway.url}/admin/v1/combos/${encodeURIComponent(combo)}/evict`;
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.adminToken}` },
  });
  if (!answer.ok) throw new Error(`evict: ${answer.status} ${await answer.text()}`);
}

/** No runner holds a base, and the standbys are up. */
async function cool({ gateway, standbys }: Subject): Promise<void> {
  for (const { pid, base } of await gateway.runners()) if (base !== null) process.kill(pid, 'SIGKILL');
  const isCool = (runners: Awaited<ReturnType<GatewayProcess['runners']>>): boolean =>
    runners.length === standbys && runners.every(({ state }) => state === 'standby');
  while (!isCool(await gateway.runners())) await delay(20);
  // The kernel takes the dead process's memory back meanwhile.
  await delay(200);
}

const firstToken = async (target: Target): Promise<number> =>
  (await stream(target, PROMPT, MOST_TOKENS)).ttftMs;

/** Milliseconds. */
interface Row {
  readonly targetMs?: number;
  /** What FACTS.md has of it: the targets are of that machine, which had two cores, too (docs/benchmarks.md). */
  readonly thereMs?: number;
  readonly times: number[];
}

const row = (known: Omit<Row, 'times'>): Row => ({ ...known, times: [] });

const rows = {
  warm: row({ targetMs: 5 }),
  attach: row({ targetMs: 12 }),
  'cold, with a standby': row({ targetMs: 30 }),
  'cold, without': row({ targetMs: 150 }),
  'engine alone, loaded': row({ thereMs: 2.2 }),
  'node, empty': row({ thereMs: 45 }),
  'llama-server spawn': row({ thereMs: 31 }),
  'llama-server, loaded': row({ thereMs: 3 }),
};

async function emptyNode(): Promise<number> {
  const startedMs = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
  return performance.now() - startedMs;
}

async function round(prepared: Subject, bare: Subject, alone: EngineAlone): Promise<void> {
  await cool(prepared);
  rows['cold, with a standby'].times.push(await firstToken(prepared.base));
  // Its next standby must not start while others are measured.
  while (!(await prepared.gateway.runners()).some(({ state }) => state === 'standby')) await delay(20);
  await cool(bare);
  rows['cold, without'].times.push(await firstToken(bare.base));
  rows.attach.times.push(await firstToken(bare.pirate));
  await firstToken(bare.base);
  rows.warm.times.push(await firstToken(bare.base));
  await evict(bare.gateway, 'tiny-chat+pirate');
  rows['engine alone, loaded'].times.push(await alone.firstToken(PROMPT, MOST_TOKENS));
  rows['node, empty'].times.push(await emptyNode());
  const startedMs = performance.now();
  const llama = await startLlamaServer(SEQUENCES, CONTEXT_TOKENS);
  if (!llama) return;
  await firstToken(llama.target);
  rows['llama-server spawn'].times.push(performance.now() - startedMs);
  await firstToken(llama.target);
  rows['llama-server, loaded'].times.push(await firstToken(llama.target));
  await llama.stop();
}

function print(): void {
  console.log(
    `demo model, ${SEQUENCES} sequences of ${CONTEXT_TOKENS} tokens, ${ROUNDS} rounds, request to first token`,
  );
  console.table(
    Object.entries(rows)
      .filter(([, { times }]) => times.length > 0)
      .map(([kind, { times, targetMs, thereMs }]) => ({
        kind,
        'median ms': median(times).toFixed(1),
        'best ms': Math.min(...times).toFixed(1),
        'p90 ms': ([...times].sort((a, b) => a - b)[Math.floor(times.length * 0.9)] ?? 0).toFixed(1),
        'worst ms': Math.max(...times).toFixed(1),
        'target ms': targetMs ?? '',
        'there ms': thereMs ?? '',
        ratio: (median(times) / (targetMs ?? thereMs ?? Number.NaN)).toFixed(2),
      })),
  );
}

const subjects = [await subjectWith(1), await subjectWith(0)] as const;
const alone = await EngineAlone.load(SEQUENCES, CONTEXT_TOKENS);
try {
  for (const { base } of subjects) await firstToken(base);
  for (let count = 0; count < ROUNDS; count += 1) await round(...subjects, alone);
  print();
} finally {
  await alone.close();
  for (const { gateway, base } of subjects) {
    await base.pool.destroy();
    await gateway.stop();
  }
}
process.exit(0);

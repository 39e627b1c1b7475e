/**
 * From a client's request to its first token, by start kind, through the gateway: warm, attach (the combo was evicted),
 * cold (the runner was killed and has gone) with a standby that is up and without one. Beside them a bare llama-server
 * from its spawn to its first token.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { demoYaml, type GatewayProcess, startGateway } from './harness/gatewayProcess.ts';
import { startLlamaServer } from './harness/llamaServer.ts';
import { median, stream, type Target } from './harness/streamClient.ts';

const ROUNDS = 40;
const SEQUENCES = 8;
const CONTEXT_TOKENS = 2048;

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

const firstToken = async (target: Target): Promise<number> => (await stream(target, 'Hello', 4)).ttftMs;

const times: Record<string, number[]> = {
  warm: [],
  attach: [],
  'cold, with a standby': [],
  'cold, without': [],
  'llama-server spawn': [],
};

async function round(prepared: Subject, bare: Subject): Promise<void> {
  await cool(prepared);
  times['cold, with a standby']?.push(await firstToken(prepared.base));
  // Its next standby must not start while others are measured.
  while (!(await prepared.gateway.runners()).some(({ state }) => state === 'standby')) await delay(20);
  await cool(bare);
  times['cold, without']?.push(await firstToken(bare.base));
  times['attach']?.push(await firstToken(bare.pirate));
  await firstToken(bare.base);
  times['warm']?.push(await firstToken(bare.base));
  await evict(bare.gateway, 'tiny-chat+pirate');
  const startedMs = performance.now();
  const llama = await startLlamaServer(SEQUENCES, CONTEXT_TOKENS);
  if (!llama) return;
  await firstToken(llama.target);
  times['llama-server spawn']?.push(performance.now() - startedMs);
  await llama.stop();
}

function print(): void {
  console.log(
    `demo model, ${SEQUENCES} sequences of ${CONTEXT_TOKENS} tokens, ${ROUNDS} rounds, request to first token`,
  );
  console.table(
    Object.entries(times)
      .filter(([, values]) => values.length > 0)
      .map(([kind, values]) => ({
        kind,
        'median ms': median(values).toFixed(1),
        'best ms': Math.min(...values).toFixed(1),
        'p90 ms': ([...values].sort((a, b) => a - b)[Math.floor(values.length * 0.9)] ?? 0).toFixed(1),
        'worst ms': Math.max(...values).toFixed(1),
      })),
  );
}

const subjects = [await subjectWith(1), await subjectWith(0)] as const;
try {
  for (const { base } of subjects) await firstToken(base);
  for (let count = 0; count < ROUNDS; count += 1) await round(...subjects);
  print();
} finally {
  for (const { gateway, base } of subjects) {
    await base.pool.destroy();
    await gateway.stop();
  }
}
process.exit(0);

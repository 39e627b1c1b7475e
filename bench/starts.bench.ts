/**
 * From a client's request to its first token, by start kind, through the gateway: warm, attach (the combo was evicted),
 * cold (the runner was killed and has gone). Beside them a bare llama-server from its spawn to its first token.
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

async function evict(gateway: GatewayProcess, combo: string): Promise<void> {
  const url = `${gateway.url}/admin/v1/combos/${encodeURIComponent(combo)}/evict`;
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.adminToken}` },
  });
  if (!answer.ok) throw new Error(`evict: ${answer.status} ${await answer.text()}`);
}

async function killRunners(gateway: GatewayProcess): Promise<void> {
  for (const pid of await gateway.runnerPids()) process.kill(pid, 'SIGKILL');
  while (gateway.runnerSockets().length > 0) await delay(5);
  // The kernel takes the dead process's memory back meanwhile.
  await delay(100);
}

const gateway = await startGateway(demoYaml(SEQUENCES, CONTEXT_TOKENS));
const pool = new Pool(gateway.url, { connections: null, headersTimeout: 0, bodyTimeout: 0 });
const base: Target = { name: 'base', pool, headers: {}, body: { model: 'tiny-chat' } };
const pirate: Target = { name: 'pirate', pool, headers: {}, body: { model: 'tiny-chat:pirate' } };
const firstToken = async (target: Target) => (await stream(target, 'Hello', 4)).ttftMs;
const times: Record<string, number[]> = { warm: [], attach: [], cold: [], 'llama-server spawn': [] };
try {
  await firstToken(base);
  for (let round = 0; round < ROUNDS; round += 1) {
    await killRunners(gateway);
    times['cold']?.push(await firstToken(base));
    times['attach']?.push(await firstToken(pirate));
    await firstToken(base);
    times['warm']?.push(await firstToken(base));
    await evict(gateway, 'tiny-chat+pirate');
    const startedMs = performance.now();
    const llama = await startLlamaServer(SEQUENCES, CONTEXT_TOKENS);
    if (!llama) continue;
    await firstToken(llama.target);
    times['llama-server spawn']?.push(performance.now() - startedMs);
    await llama.stop();
  }
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
} finally {
  await pool.destroy();
  await gateway.stop();
}
process.exit(0);

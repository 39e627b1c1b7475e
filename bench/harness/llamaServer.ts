import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { ROOT } from './gatewayProcess.ts';
import type { Target } from './streamClient.ts';

/**
 * llama.cpp's own server on the demo model, with one thread as our runner has on two cores, to be measured beside us.
 * It is not in any package: HEARTH_BENCH_LLAMA_SERVER names a binary built from the same llama.cpp. null without it.
 */
export async function startLlamaServer(
  sequences: number,
  contextTokens: number,
): Promise<{ target: Target; pid: number; stop(): Promise<void> } | null> {
  const binary = process.env['HEARTH_BENCH_LLAMA_SERVER'];
  if (!binary) return null;
  const port = 20_000 + (process.pid % 20_000);
  const child = spawn(
    binary,
    [
      ...['-m', join(ROOT, 'demo/models/tiny-chat-q8_0.gguf'), '--host', '127.0.0.1', '--port', String(port)],
      ...[
        '-np',
        String(sequences),
        '-c',
        String(sequences * contextTokens),
        '-t',
        '1',
        '-tb',
        '1',
        '--cache-ram',
        '0',
      ],
      ...['--no-webui', '--log-disable'],
    ],
    { stdio: 'ignore' },
  );
  const url = `http://127.0.0.1:${port}`;
  const pool = new Pool(url, { connections: null, headersTimeout: 0, bodyTimeout: 0 });
  const isUp = () =>
    pool.request({ path: '/health', method: 'GET' }).then(
      async ({ statusCode, body }) => {
        await body.dump();
        return statusCode === 200;
      },
      () => false,
    );
  // Its starts are measured: it must not be up for long before that is seen.
  while (!(await isUp())) {
    if (child.exitCode !== null) throw new Error(`llama-server ended with ${child.exitCode}`);
    await delay(1);
  }
  return {
    target: {
      name: 'llama-server',
      pool,
      headers: {},
      body: { model: 'x', cache_prompt: false },
    },
    pid: child.pid ?? 0,
    async stop() {
      const ended = once(child, 'exit');
      // It waits for its connections when it ends.
      await pool.destroy();
      child.kill('SIGTERM');
      await ended;
    },
  };
}

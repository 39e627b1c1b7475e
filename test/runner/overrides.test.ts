import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { demoModel, startRunner } from './startRunner.ts';

/** Resident memory of a process in bytes (proc(5): VmRSS, in KiB). */
function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}

/** KV cache of a context of 16 x 2,048 tokens, and how much larger the runner's memory is for its base and that context. */
async function contextIn(env: Record<string, string>): Promise<{ kvBytes: number; grownBytes: number }> {
  const runner = await startRunner({ env });
  try {
    const beforeBytes = residentBytes(runner.ready.pid);
    const model = demoModel({ sequences: 16, contextTokens: 2048 });
    expect(await runner.order({ type: 'load', model })).toMatchObject({ type: 'loaded' });
    const attached = await runner.order({ type: 'attach', combo: 'tiny-chat', adapters: [] });
    if (attached.type !== 'attached') throw new Error(`attach: ${JSON.stringify(attached)}`);
    return { kvBytes: attached.kvBytes, grownBytes: residentBytes(runner.ready.pid) - beforeBytes };
  } finally {
    await runner.dispose();
  }
}

test('Runner takes the pages of a KV cache when tokens need them', async () => {
  const { kvBytes, grownBytes } = await contextIn({});
  expect(kvBytes).toBe(16 * 2048 * 3072);
  expect(grownBytes).toBeLessThan(kvBytes / 3);
});

test('Runner with HEARTH_LLAMA_OVERRIDES=off leaves the KV cache to llama.cpp, which touches all of it', async () => {
  const { kvBytes, grownBytes } = await contextIn({ HEARTH_LLAMA_OVERRIDES: 'off' });
  expect(grownBytes).toBeGreaterThan(kvBytes * 0.9);
});

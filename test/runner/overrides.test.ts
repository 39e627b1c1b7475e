import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
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

/** A runner's mappings of a file (proc(5): smaps): bytes in its page table, and those that are advised to be read at random. */
function mappingsOf(
  pid: number,
  path: string,
): { mappedBytes: number; allBytes: number; randomBytes: number } {
  const found = { mappedBytes: 0, allBytes: 0, randomBytes: 0 };
  for (const text of readFileSync(`/proc/${pid}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    if (!text.slice(0, text.indexOf('\n')).endsWith(path)) continue;
    const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]) * 1024;
    found.mappedBytes += bytes('Rss');
    found.allBytes += bytes('Size');
    if (/^VmFlags:.* rr\b/m.test(text)) found.randomBytes += bytes('Size');
  }
  return found;
}

describe('Runner with a base in memory', () => {
  const folder = mkdtempSync('/dev/shm/hearth-test-mapping-');
  const path = join(folder, 'base.gguf');
  afterAll(() => rmSync(folder, { recursive: true }));

  async function mappingIn(env: Record<string, string>) {
    copyFileSync(demoModel().path, path);
    const runner = await startRunner({ env });
    try {
      expect(await runner.order({ type: 'load', model: demoModel({ path }) })).toMatchObject({
        type: 'loaded',
      });
      return mappingsOf(runner.ready.pid, path);
    } finally {
      await runner.dispose();
    }
  }

  test('has all pages of the weights mapped, and none to be read at random, when it says that it has loaded', async () => {
    const { mappedBytes, allBytes, randomBytes } = await mappingIn({});
    expect(allBytes).toBeGreaterThan(5_000_000);
    expect(mappedBytes).toBe(allBytes);
    expect(randomBytes).toBe(0);
  });

  test('leaves that to llama.cpp with HEARTH_LLAMA_OVERRIDES=off', async () => {
    const { mappedBytes, allBytes, randomBytes } = await mappingIn({ HEARTH_LLAMA_OVERRIDES: 'off' });
    expect(mappedBytes).toBe(allBytes);
    expect(randomBytes).toBe(0);
  });
});

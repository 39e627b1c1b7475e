import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Harness, PIRATE } from './harness.ts';

/** Address space of this process in bytes (proc(5): VmSize, in KiB). A KV cache is in it before a token needs its pages. */
function mappedBytes(): number {
  const kib = /^VmSize:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kib) * 1024;
}

/** A context of 64 x 2,048 tokens: more than anything else here maps. */
const LARGE = { sequences: 64, contextTokens: 2048 };

test('Engine makes the next context when its requests are done, and the next attach takes it', async () => {
  const harness = new Harness();
  await harness.load(LARGE);
  const { kvBytes } = await harness.attach('base');
  const one = mappedBytes();
  await harness.chat('Hi');
  await expect.poll(mappedBytes).toBeGreaterThan(one + kvBytes * 0.9);
  const withSpare = mappedBytes();
  expect(harness.engine.counters()).toMatchObject({ contexts: 1, kvBytes });
  await harness.attach('pirate', [{ path: PIRATE, scale: 1 }]);
  expect(harness.engine.counters()).toMatchObject({ contexts: 2, kvBytes: 2 * kvBytes });
  expect(mappedBytes()).toBeLessThan(withSpare + kvBytes / 2);
  expect((await harness.chat('Hi', { combo: 'pirate' })).done?.finishReason).toBe('stop');
  await harness.engine.close();
});

test('Engine makes no spare context past its KV budget', async () => {
  const bounded = new Harness();
  await bounded.load({ ...LARGE, kvBudgetBytes: 1 });
  const { kvBytes } = await bounded.attach('base');
  const one = mappedBytes();
  await bounded.chat('Hi');
  // An attach comes after whatever the engine had to do.
  const shared = await bounded.attach('pirate', [{ path: PIRATE, scale: 1 }]);
  expect(shared.ownContext).toBe(false);
  expect(mappedBytes()).toBeLessThan(one + kvBytes / 2);
  await bounded.engine.close();
});

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as adapterConfig from './adapterConfig.ts';
import * as config from './config.ts';
import * as gguf from './gguf.ts';
import * as safetensors from './safetensors.ts';
import { type FuzzTarget, rethrowUnlessExpected } from './target.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/fuzz');
const TARGETS: Readonly<Record<string, FuzzTarget>> = { adapterConfig, config, gguf, safetensors };

/** What an input did: nothing, or what was thrown. */
async function outcome(target: FuzzTarget, bytes: Buffer): Promise<unknown> {
  try {
    return await target.fuzz(bytes);
  } catch (error) {
    return error;
  }
}

describe.each(Object.entries(TARGETS))('the fuzz target %s', (name, target) => {
  const folder = join(FIXTURES, name);
  const found = existsSync(folder) ? readdirSync(folder) : [];

  test('takes its seeds, all of their beginnings and each with a byte changed', async () => {
    for (const seed of target.seeds()) {
      expect(await outcome(target, seed)).toBeUndefined();
      for (let at = 0; at < Math.min(seed.length, 300); at++) {
        expect(await outcome(target, seed.subarray(0, at))).toBeUndefined();
        const changed = Buffer.from(seed);
        changed[at] = (changed[at] as number) ^ 0xff;
        expect(await outcome(target, changed)).toBeUndefined();
      }
    }
  });

  test(`takes the ${found.length} inputs that were found`, async () => {
    for (const file of found) {
      expect([file, await outcome(target, readFileSync(join(folder, file)))]).toEqual([file, undefined]);
    }
  });
});

test('rethrowUnlessExpected() lets pass what says what is wrong, and nothing else', async () => {
  const throwing = (error: unknown): FuzzTarget => ({
    seeds: () => [],
    words: [],
    fuzz: () => rethrowUnlessExpected(error),
  });
  expect(await outcome(throwing(new Error('expected this')), Buffer.alloc(0))).toBeUndefined();
  for (const bad of [new RangeError('x'), new TypeError('x'), 'x', null]) {
    expect(await outcome(throwing(bad), Buffer.alloc(0))).toBe(bad);
  }
  for (const message of ['', 'x'.repeat(2000)]) {
    expect(await outcome(throwing(new Error(message)), Buffer.alloc(0))).toBeInstanceOf(TypeError);
  }
});

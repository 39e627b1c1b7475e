import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
mkdirSync(join(root, '.cache'), { recursive: true });
// Inside the package, because the loader looks upwards for it.
const directory = mkdtempSync(join(root, '.cache', 'exit-test-'));
const outfile = join(directory, 'exit-while-decoding.mjs');
afterAll(() => rmSync(directory, { recursive: true }));

// Regression: exit() destroyed ggml's static objects under a living decode thread, and the process died of SIGSEGV.
test.each([
  ['exit', 7],
  ['throw', 1],
  ['close', 0],
])('a process that decodes ends by %s with code %d', (way, code) => {
  const entryPoints = [join(root, 'test', 'fixtures', 'exit-while-decoding.ts')];
  // The models are found from the module's own place, which the bundle is not at.
  const define = { 'import.meta.dirname': JSON.stringify(join(root, 'test', 'native')) };
  buildSync({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', define });
  for (let round = 0; round < 3; round += 1) {
    const { status, signal } = spawnSync(process.execPath, [outfile, way], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect({ status, signal }).toEqual({ status: code, signal: null });
  }
});

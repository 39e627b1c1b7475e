import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { noise, WeightServer } from './weightServer.ts';

const PART = 64 * 1024;
const PARTS = 40;
const root = join(import.meta.dirname, '..', '..');

let directory = '';
let script = '';
let server: WeightServer;
beforeAll(async () => {
  mkdirSync(join(root, '.cache'), { recursive: true });
  // Inside the package, because packages are found from there.
  directory = mkdtempSync(join(root, '.cache', 'download-test-'));
  script = join(directory, 'child.mjs');
  const entryPoints = [join(root, 'test', 'fixtures', 'download-child.ts')];
  buildSync({
    entryPoints,
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  });
  server = await WeightServer.start();
});
afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

const start = (uri: string, path: string) =>
  spawn(process.execPath, [script, uri, path], { stdio: ['ignore', 'pipe', 'inherit'] });

/** Kills the child with SIGKILL when it asks for the part after so many. */
async function killAfter(uri: string, path: string, parts: number): Promise<void> {
  const child = start(uri, path);
  const asked = server.ranged.length;
  server.intercept = () => {
    if (server.ranged.length - asked <= parts) return false;
    child.kill('SIGKILL');
    return true;
  };
  const [code, signal] = await once(child, 'exit');
  expect({ code, signal }).toEqual({ code: null, signal: 'SIGKILL' });
  server.intercept = null;
}

test('download() goes on where a process that was killed left off, again and again, and the file is whole', async () => {
  const bytes = noise(PARTS * PART - 1000);
  const uri = server.put('/model.gguf', bytes);
  const path = join(directory, 'model.gguf');
  for (const parts of [0, 1, 5, 7, 3, 6]) await killAfter(uri, path, parts);
  const before = server.ranged.length;
  const child = start(uri, path);
  const [told] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const { resumedBytes } = JSON.parse(told) as { resumedBytes: number };
  expect(resumedBytes).toBeGreaterThan(0);
  // What was not resumed came now, each part once.
  expect(server.ranged.length - before).toBe(PARTS - Math.ceil(resumedBytes / PART));
  expect((await readFile(path)).equals(bytes)).toBe(true);
  expect((await readdir(directory)).toSorted()).toEqual(['child.mjs', 'model.gguf']);
});

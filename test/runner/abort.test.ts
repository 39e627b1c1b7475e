import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ROOT, startRunner } from './startRunner.ts';

const installed = path.join(ROOT, 'node_modules/@node-llama-cpp/linux-x64/bins/linux-x64');
const libraryDir = mkdtempSync(path.join(tmpdir(), 'hearth-abort-'));
afterAll(() => rmSync(libraryDir, { recursive: true }));

// Regression: the reason waited for the JavaScript thread, and a backtrace was all that was left of the process.
test('Runner whose backend aborts ends by SIGABRT, and its last words are the reason', async () => {
  for (const name of readdirSync(installed)) {
    symlinkSync(path.join(installed, name), path.join(libraryDir, name));
  }
  const source = path.join(ROOT, 'test/fixtures/aborting-backend.cc');
  const backend = path.join(libraryDir, 'libggml-cuda.so');
  execFileSync('g++', ['-std=c++20', '-shared', '-fPIC', '-o', backend, source]);
  const started = startRunner({ env: { HEARTH_LLAMA_DIR: libraryDir } });
  await expect(started).rejects.toThrow(
    [
      'Cannot start a runner: it ended with SIGABRT before ready: ' +
        'llama.cpp error: CUDA error: the provided PTX was compiled with an unsupported toolchain.',
      'llama.cpp error:   current device: 0, in function launch',
      'ggml-cuda.cu:108: CUDA error',
      '',
    ].join('\n'),
  );
});

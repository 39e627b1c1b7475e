import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { nodeHeaders } from '../../scripts/native-headers.mjs';

/** Seconds for all chunks. */
export interface Measured {
  readonly copy: number;
  readonly encrypt: number;
  readonly decrypt: number;
}

interface Throughput {
  /** `cpuTime`, for one thread: what it had of a core, whatever else the machine had to do. */
  measure(chunks: number, threads: number, cpuTime: boolean): Measured;
}

/** Compiles bench/crypt/throughput.cc with native/core/crypt into .cache and loads it. */
export function buildThroughput(root: string): Throughput {
  const core = join(root, 'native/core/crypt');
  const output = join(root, '.cache/bench/throughput.node');
  mkdirSync(join(root, '.cache/bench'), { recursive: true });
  const sources = readdirSync(core).filter((name) => name.endsWith('.cc'));
  execFileSync(
    'g++',
    [
      ...['-std=c++20', '-O2', '-shared', '-fPIC', '-pthread', '-fvisibility=hidden'],
      ...['-DNAPI_VERSION=9', '-DNAPI_DISABLE_CPP_EXCEPTIONS'],
      ...['-I', join(root, 'native'), '-isystem', nodeHeaders(root)],
      ...['-isystem', join(root, 'node_modules/node-addon-api'), '-o', output],
      join(root, 'bench/crypt/throughput.cc'),
      ...sources.map((name) => join(core, name)),
    ],
    { stdio: 'inherit' },
  );
  return createRequire(import.meta.url)(output) as Throughput;
}

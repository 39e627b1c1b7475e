/** A process that opens whatever segment is published, as a runner would, and checks every byte of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FIXTURE = join(fileURLToPath(new URL('.', import.meta.url)), '..', 'fixtures', 'store-reader.mjs');

export interface StartedReader {
  readonly child: ChildProcess;
  /** It looks now. */
  readonly up: Promise<unknown>;
  /** What it told before it ended; waits for the end. */
  report(): Promise<{ segments: number; split: number; faults: string[] }>;
  end(): Promise<void>;
}

export function startReader(root: string): StartedReader {
  const child = spawn(process.execPath, [FIXTURE, root], { stdio: ['ignore', 'pipe', 'inherit'], env: {} });
  let told = '';
  child.stdout?.on('data', (text: Buffer) => {
    told += text.toString();
  });
  const closed = once(child, 'close');
  const up = child.stdout === null ? closed : once(child.stdout, 'data');
  return {
    child,
    up,
    async report() {
      await closed;
      const lines = told.split('\n').slice(1, -1);
      return {
        segments: lines.filter((line) => line.startsWith('whole')).length,
        split: lines.filter((line) => line === 'whole, of parts').length,
        faults: lines.filter((line) => !line.startsWith('whole')),
      };
    },
    async end() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await closed;
    },
  };
}

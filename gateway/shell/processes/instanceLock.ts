import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../domain/errors.ts';
import { bootId, startTicks } from './procfs.ts';

/** Holds a data directory for one living gateway. */
export interface InstanceLock {
  release(): void;
}

/**
 * Takes the data directory for this process: a file names its holder by pid, start time and boot, so that a holder
 * that was killed does not lock for ever. `conflict` while another gateway holds it.
 */
export function lockInstance(dataDir: string): Result<InstanceLock> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, 'gateway.pid');
  const mine = `${process.pid} ${startTicks(process.pid)} ${bootId()}\n`;
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      writeFileSync(path, mine, { flag: 'wx', mode: 0o600 });
      return ok({ release: () => releaseIfMine(path, mine) });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = livingHolder(path);
    if (holder !== null) {
      return fail(
        'conflict',
        `Cannot use data directory "${dataDir}": the gateway with pid ${holder} uses it`,
      );
    }
    rmSync(path, { force: true });
  }
  return fail('conflict', `Cannot use data directory "${dataDir}": its lock "${path}" cannot be taken`);
}

function livingHolder(path: string): number | null {
  const [pid = '', ticks, boot] = read(path).trim().split(' ');
  return boot === bootId() && startTicks(Number(pid)) === ticks ? Number(pid) : null;
}

function releaseIfMine(path: string, mine: string): void {
  if (read(path) === mine) rmSync(path, { force: true });
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

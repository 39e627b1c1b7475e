import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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
 *
 * The file comes by link, whole or not at all; a stale one is moved aside and looked at again before it is removed, so
 * that of two gateways which start at once only one has it.
 */
export function lockInstance(dataDir: string): Result<InstanceLock> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, 'gateway.pid');
  const draft = `${path}.${process.pid}`;
  const mine = `${process.pid} ${startTicks(process.pid)} ${bootId()}\n`;
  writeFileSync(draft, mine, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      if (linked(draft, path)) return ok({ release: () => releaseIfMine(path, mine) });
      const holder = livingHolder(path) ?? holderMovedAside(path, `${draft}.stale`);
      if (holder === null) continue;
      return fail(
        'conflict',
        `Cannot use data directory "${dataDir}": the gateway with pid ${holder} uses it`,
      );
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return fail('conflict', `Cannot use data directory "${dataDir}": its lock "${path}" cannot be taken`);
}

/** null when the lock was stale and is gone. What was taken in between by a living gateway is put back. */
function holderMovedAside(path: string, aside: string): number | null {
  try {
    renameSync(path, aside);
  } catch {
    return null;
  }
  const holder = livingHolder(aside);
  if (holder !== null) linked(aside, path);
  rmSync(aside, { force: true });
  return holder;
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
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

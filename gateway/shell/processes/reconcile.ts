import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { RunnerRow, RunnerStore } from '../../ports/runnerStore.ts';
import { bootId, signalGroup, startTicks } from './procfs.ts';

const TERM_WAIT_MS = 2_000;
const POLL_MS = 20;

/**
 * Ends the runners that an earlier life of the gateway left behind, so that this one starts clean, and removes their
 * sockets and logs. A process is ours only when pid, start time and boot agree.
 */
export async function endLeftRunners(
  store: RunnerStore,
  runDir: string,
  clock: Clock,
  log: Log,
): Promise<void> {
  const rows = await store.living();
  await Promise.all(
    rows.map(async (row) => {
      const lived = isAlive(row);
      if (lived) await endProcess(row.pid, row.pidStartTicks);
      await store.exited(
        row.runnerId,
        clock.epochMs(),
        lived ? 'ended by the next gateway' : 'gone before this start',
      );
      log.info(
        { runnerId: row.runnerId, pid: row.pid, lived },
        'runner of an earlier gateway is out of the books',
      );
    }),
  );
  for (const name of readdirSync(runDir)) {
    if (/^r_.*\.(sock|log)$/.test(name)) rmSync(join(runDir, name), { force: true });
  }
}

function isAlive(row: RunnerRow): boolean {
  return row.bootId === bootId() && startTicks(row.pid) === row.pidStartTicks;
}

async function endProcess(pid: number, ticks: string): Promise<void> {
  signalGroup(pid, 'SIGTERM');
  for (let waited = 0; waited < TERM_WAIT_MS && startTicks(pid) === ticks; waited += POLL_MS)
    await delay(POLL_MS);
  if (startTicks(pid) === ticks) signalGroup(pid, 'SIGKILL');
}

import { setTimeout as delay } from 'node:timers/promises';
import type { RunnerRow } from '../../ports/runnerStore.ts';
import { bootId, signalGroup, startTicks } from './procfs.ts';

const TERM_WAIT_MS = 2_000;
const KILL_WAIT_MS = 1_000;
const POLL_MS = 10;

/** Whether the process of that row lives: it is the same only when pid, start time and boot agree. */
export function isAlive(row: RunnerRow): boolean {
  return row.bootId === bootId() && startTicks(row.pid) === row.pidStartTicks;
}

/** Ends the process of that row: SIGTERM, and SIGKILL when that does not end it in time. */
export async function endProcess(row: RunnerRow): Promise<void> {
  if (!isAlive(row)) return;
  signalGroup(row.pid, 'SIGTERM');
  // A process that is stopped takes no SIGTERM until it goes on.
  signalGroup(row.pid, 'SIGCONT');
  if (await hasGone(row, TERM_WAIT_MS)) return;
  signalGroup(row.pid, 'SIGKILL');
  await hasGone(row, KILL_WAIT_MS);
}

async function hasGone(row: RunnerRow, limitMs: number): Promise<boolean> {
  for (let waited = 0; waited < limitMs && isAlive(row); waited += POLL_MS) await delay(POLL_MS);
  return !isAlive(row);
}

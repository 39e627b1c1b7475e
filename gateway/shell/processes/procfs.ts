import { readFileSync } from 'node:fs';

/** The id of this boot of the kernel; process start ticks of another boot mean nothing. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

/** What the kernel says when there is no such process (ESRCH: it went while it was read). */
const NO_PROCESS = ['ENOENT', 'ESRCH'];

/**
 * A process's start time in clock ticks since boot (proc(5), field 22 of stat); null when no such process lives, or the
 * kernel does not say. With the pid it names a process for good: pids are used again. A zombie counts as dead.
 */
export function startTicks(pid: number): string | null {
  const stat = readStat(pid);
  return typeof stat === 'string' ? null : stat.startTicks;
}

/** Whether that process has gone for certain: one that cannot be looked at (no descriptor is left) may live. */
export function hasGone(pid: number, ticks: string | null): boolean {
  const stat = readStat(pid);
  if (typeof stat === 'string') return stat === 'gone';
  return ticks !== null && stat.startTicks !== ticks;
}

function readStat(pid: number): { readonly startTicks: string } | 'gone' | 'unknown' {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    return NO_PROCESS.includes((error as NodeJS.ErrnoException).code ?? '') ? 'gone' : 'unknown';
  }
  // The command name is in brackets and may hold spaces and brackets itself.
  const [state, ...more] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? 'gone' : { startTicks: more[18] ?? '' };
}

/** How many processes the kernel has ended for want of memory since boot (vmstat's oom_kill); null: it does not say. */
export function oomKills(): number | null {
  try {
    const count = /^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'utf8'))?.[1];
    return count === undefined ? null : Number(count);
  } catch {
    return null;
  }
}

/** Sends a signal to a process group, then to the process; false when neither exists any more. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal);
      return true;
    } catch {
      // No such group, or not permitted: try the process itself.
    }
  }
  return false;
}

import type { Log } from '../../ports/log.ts';
import { allowedCores, type Machine, THIS_MACHINE } from './numaPlaces.ts';

/** On a machine with more cores than that one is free when an event loop wakes up. */
const MOST_CORES = 4;

/**
 * On which cores the event loops of runners that decode on the CPU are kept: those that `cpuThreads` leave, the lowest.
 * Where few cores are, a loop that wakes up on that of a decode thread waits for it, or holds it up, once or twice in each
 * request (docs/adr/0021). None: the kernel chooses.
 */
export function findEventLoopCores(
  cpuThreads: number,
  log: Log,
  machine: Machine = THIS_MACHINE,
): readonly number[] {
  try {
    const allowed = allowedCores(machine);
    return allowed.length > MOST_CORES ? [] : allowed.slice(0, Math.max(0, allowed.length - cpuThreads));
  } catch (error) {
    log.warn({ error: String(error) }, 'the cores of this machine cannot be told apart');
    return [];
  }
}

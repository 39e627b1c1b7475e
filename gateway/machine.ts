import { existsSync, readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** Memory limits of this process's control group (docs.kernel.org/admin-guide/cgroup-v2), version 2 and 1. */
const CGROUP_LIMITS = ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes'];
/** Device nodes of NVIDIA's and AMD's drivers. */
const DEVICES = ['/dev/nvidia0', '/dev/kfd'];

/** The machine's memory, or the control group's limit where that is less. */
export function usableMemoryBytes(): number {
  return Math.min(totalmem(), ...CGROUP_LIMITS.map(readLimit));
}

/** A driver is there. What its devices are, and whether the engine can use them, only the engine can say. */
export function hasDeviceNodes(): boolean {
  return DEVICES.some((path) => existsSync(path));
}

/** Infinity when there is no limit: `max`, or no such file. */
function readLimit(path: string): number {
  try {
    const bytes = Number(readFileSync(path, 'utf8'));
    return bytes > 0 ? bytes : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

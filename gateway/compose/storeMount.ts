import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

/** By which `mount` lists it. */
const MOUNT_NAME = 'hearth-weights';
const MOUNT_TIMEOUT_MS = 10_000;
/** What the store's own files and folders take, beside the budgets. */
const OWN_BYTES = 64 * 2 ** 20;
const HUGE_PAGE_BYTES = 2 * 2 ** 20;

/**
 * Mounts, unless something is mounted there by now. Under a lock on the folder above, so that of two gateways that start
 * together one mounts and the other finds it.
 */
const MOUNT_SCRIPT = 'mountpoint -q "$1" || exec mount -t tmpfs -o "$2" "$3" "$1"';

/** What a mount needs of the system; tests have one of their own. */
export interface MountHost {
  readonly uid: number;
  /** Rejects with what the command said. */
  run(command: string, args: readonly string[]): Promise<void>;
}

export const mountHost: MountHost = {
  uid: process.geteuid?.() ?? -1,
  async run(command, args) {
    await promisify(execFile)(command, [...args], { timeout: MOUNT_TIMEOUT_MS });
  },
};

/** `was`: something is mounted there already. `left`: the folder is what it was, for this reason. */
export type MountOutcome =
  | { readonly what: 'was' }
  | { readonly what: 'mounted'; readonly noswap: boolean }
  | { readonly what: 'left'; readonly reason: string };

/**
 * Mounts a tmpfs of huge pages on an empty folder: `huge=within_size`, `noswap` where the kernel has it (Linux 6.4), mode 0700.
 * Nothing unmounts it: runners and other gateways may use it, and what is staged outlives a gateway. Makes the folder; throws
 * when it cannot.
 */
export async function mountStore(
  folder: string,
  budgetBytes: number,
  host: MountHost = mountHost,
): Promise<MountOutcome> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (statSync(folder).dev !== statSync(dirname(folder)).dev) return { what: 'was' };
  if (host.uid !== 0) return { what: 'left', reason: 'only root can mount' };
  if (readdirSync(folder).length > 0) return { what: 'left', reason: 'the folder is not empty' };
  const size = Math.ceil((budgetBytes + OWN_BYTES) / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES;
  let reason = '';
  for (const noswap of [true, false]) {
    const options = `huge=within_size,size=${size},mode=0700${noswap ? ',noswap' : ''}`;
    try {
      await host.run('flock', [dirname(folder), 'sh', '-c', MOUNT_SCRIPT, 'sh', folder, options, MOUNT_NAME]);
      return { what: 'mounted', noswap };
    } catch (error) {
      reason = saidBy(error);
    }
  }
  return { what: 'left', reason };
}

/** The last line of what a command wrote, or why it could not be run. */
function saidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const written = 'stderr' in error && typeof error.stderr === 'string' ? error.stderr.trim() : '';
  return (written === '' ? error.message : written).split('\n').at(-1) ?? '';
}

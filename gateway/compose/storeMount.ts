import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
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

/** Under the same lock, so that of two gateways the one with the smaller budget takes nothing back. */
const GROW_SCRIPT = '[ $(($(stat -f -c "%b * %S" "$1"))) -ge "$2" ] || exec mount -o "remount,size=$2" "$1"';

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

/** `was`: something is mounted there already. `grown`: it was one of ours, and has this room from now on. `small`: it was, and stays smaller than
 * the budget. `left`: the folder is what it was, for this reason. */
export type MountOutcome =
  | { readonly what: 'was' }
  | { readonly what: 'grown'; readonly bytes: number }
  | { readonly what: 'small'; readonly bytes: number; readonly reason: string }
  | { readonly what: 'mounted'; readonly noswap: boolean }
  | { readonly what: 'left'; readonly reason: string };

/**
 * Mounts a tmpfs of huge pages on an empty folder: `huge=within_size`, `noswap` where the kernel has it (Linux 6.4), mode 0700.
 * One of ours that is there already grows to the budget, and never shrinks: others may have filled it. Nothing unmounts it: runners and other gateways may use it, and what is staged outlives a gateway. Makes the folder; throws
 * when it cannot.
 */
export async function mountStore(
  folder: string,
  budgetBytes: number,
  host: MountHost = mountHost,
): Promise<MountOutcome> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const size = Math.ceil((budgetBytes + OWN_BYTES) / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES;
  if (statSync(folder).dev !== statSync(dirname(folder)).dev) return grow(folder, size, host);
  if (host.uid !== 0) return { what: 'left', reason: 'only root can mount' };
  if (readdirSync(folder).length > 0) return { what: 'left', reason: 'the folder is not empty' };
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

async function grow(folder: string, size: number, host: MountHost): Promise<MountOutcome> {
  if (host.uid !== 0 || !isOurs(folder) || sizeOf(folder) >= size) return { what: 'was' };
  try {
    await host.run('flock', [dirname(folder), 'sh', '-c', GROW_SCRIPT, 'sh', folder, String(size)]);
    return { what: 'grown', bytes: sizeOf(folder) };
  } catch (error) {
    return { what: 'small', bytes: sizeOf(folder), reason: saidBy(error) };
  }
}

/** Mounted by a gateway: proc(5) escapes spaces. */
function isOurs(folder: string): boolean {
  const start = `${MOUNT_NAME} ${folder.replace(/[\\\s]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`)} tmpfs `;
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .some((line) => line.startsWith(start));
}

function sizeOf(folder: string): number {
  const { blocks, bsize } = statfsSync(folder);
  return blocks * bsize;
}

/** The last line of what a command wrote, or why it could not be run. */
function saidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const written = 'stderr' in error && typeof error.stderr === 'string' ? error.stderr.trim() : '';
  return (written === '' ? error.message : written).split('\n').at(-1) ?? '';
}

import { mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreSettings } from '../config.ts';
import { usableMemoryBytes } from '../machine.ts';
import type { Log } from '../ports/log.ts';
import { type MountHost, mountHost, mountStore } from './storeMount.ts';

/** Magic number of tmpfs (man 2 statfs). */
const TMPFS = 0x01021994;
/** A smaller shared memory is none for weights: a container has 64 MiB of it unless it is told otherwise. */
const LEAST_SHARED_BYTES = 2 ** 30;
/** What the shared memory, whose pages the control group pays for, may take of its memory. */
const SHARED_SHARE = 0.5;

export type Budgets = StoreSettings['budgets'];

/** Where the store is, and what it may take. */
export interface StoreFolder {
  readonly root: string;
  readonly budgets: Budgets;
}

/** What is looked at; tests have another. */
export interface FolderHost {
  readonly mount: MountHost;
  /** Magic and size of the folder's file system. Throws when there is none. */
  fileSystemOf(folder: string): { readonly type: number; readonly bytes: number };
  readonly memoryBytes: number;
}

function folderHost(): FolderHost {
  return {
    mount: mountHost,
    fileSystemOf(folder) {
      const { type, blocks, bsize } = statfsSync(folder);
      return { type, bytes: blocks * bsize };
    },
    memoryBytes: usableMemoryBytes(),
  };
}

/**
 * Makes the store's folder ready: the one that was given or configured, on a tmpfs that is mounted there where that may be done; else
 * one per user in the shared memory, with no more than half of the memory; else one in `dataDir`. What that costs is in the
 * log. Throws when a folder cannot be made, or a mount is demanded and cannot be had.
 */
export async function prepareStoreFolder(
  settings: StoreSettings,
  dataDir: string,
  log: Log,
  host: FolderHost = folderHost(),
): Promise<StoreFolder> {
  const isShared = settings.place === 'shared';
  const folder = isShared && settings.mount !== true ? sharedFolder(settings, dataDir, log, host) : settings;
  // What the environment names is taken as it is.
  const wanted = settings.mount ?? settings.place === 'configured';
  if (wanted) await mount(settings, log, host);
  mkdirSync(folder.root, { recursive: true, mode: 0o700 });
  if (host.fileSystemOf(folder.root).type !== TMPFS)
    log.warn(
      { root: folder.root },
      'the weight store is not on a tmpfs: what is staged there is read from a disk again, encrypted weights are refused',
    );
  return { root: folder.root, budgets: folder.budgets };
}

async function mount(
  { root, budgets, mount: wish }: StoreSettings,
  log: Log,
  host: FolderHost,
): Promise<void> {
  const outcome = await mountStore(root, budgets.bases + budgets.adapters, host.mount);
  if (outcome.what === 'mounted')
    log.info({ root, noswap: outcome.noswap }, 'a tmpfs of huge pages was mounted for the weight store');
  if (outcome.what === 'grown')
    log.info({ root, bytes: outcome.bytes }, 'the tmpfs of the weight store has grown to its budget');
  if (outcome.what === 'small')
    log.warn(
      { root, bytes: outcome.bytes, reason: outcome.reason },
      'the tmpfs of the weight store is smaller than its budget and could not grow',
    );
  if (outcome.what !== 'left') return;
  if (wish === true) throw new Error(`Cannot mount a tmpfs on "${root}": ${outcome.reason}`);
  log.info({ root, reason: outcome.reason }, 'no tmpfs of huge pages is mounted for the weight store');
}

function sharedFolder(
  { root, budgets }: StoreSettings,
  dataDir: string,
  log: Log,
  host: FolderHost,
): StoreFolder {
  if (isSharedMemory(join(root, '..'), host)) {
    const capped = withinHalf(budgets, host.memoryBytes);
    if (capped.bases < budgets.bases)
      log.warn(
        { wanted: budgets.bases, bytes: capped.bases },
        'the weight store keeps to half of the memory: weights.path or weights.mount give it a place of its own',
      );
    return { root, budgets: capped };
  }
  return { root: join(dataDir, 'store'), budgets };
}

function isSharedMemory(folder: string, host: FolderHost): boolean {
  try {
    const { type, bytes } = host.fileSystemOf(folder);
    return type === TMPFS && bytes >= LEAST_SHARED_BYTES;
  } catch {
    return false;
  }
}

/** Both books together; adapters first, within half of that. */
export function withinHalf({ bases, adapters }: Budgets, memoryBytes: number): Budgets {
  const most = Math.floor(memoryBytes * SHARED_SHARE);
  const forAdapters = Math.min(adapters, Math.floor(most / 2));
  return { bases: Math.min(bases, most - forAdapters), adapters: forAdapters };
}

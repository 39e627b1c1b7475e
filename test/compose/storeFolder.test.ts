import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FolderHost, prepareStoreFolder, withinHalf } from '../../gateway/compose/storeFolder.ts';
import { type MountHost, mountHost, mountStore } from '../../gateway/compose/storeMount.ts';
import type { StoreSettings } from '../../gateway/config.ts';
import type { Log } from '../../gateway/ports/log.ts';

const TMPFS = 0x01021994;
const EXT4 = 0xef53;
const GIB = 2 ** 30;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearth-folder-'));
});
afterEach(() => {
  while (spawnSync('umount', [join(folder, 'store')]).status === 0);
  rmSync(folder, { recursive: true, force: true });
});

/** The messages of all levels. */
class Messages implements Log {
  readonly all: string[] = [];
  debug = (_fields: object, message: string): void => void this.all.push(message);
  info = this.debug;
  warn = this.debug;
  error = this.debug;

  has(words: string): boolean {
    return this.all.some((message) => message.includes(words));
  }
}

class FakeMounts implements MountHost {
  readonly uid: number;
  readonly commands: string[][] = [];
  readonly #says: (options: string) => string | null;

  /** `says`: what `mount` complains of, by its options. */
  constructor(uid: number, says: (options: string) => string | null = () => null) {
    this.uid = uid;
    this.#says = says;
  }

  async run(command: string, args: readonly string[]): Promise<void> {
    this.commands.push([command, ...args]);
    const complaint = this.#says(args[6] ?? '');
    if (complaint !== null) throw Object.assign(new Error('exit 32'), { stderr: `${complaint}\n` });
  }
}

function hostOf(mount: MountHost, type: number, bytes: number, memoryBytes = 64 * GIB): FolderHost {
  return { mount, fileSystemOf: () => ({ type, bytes }), memoryBytes };
}

function settingsOf(more: Partial<StoreSettings>): StoreSettings {
  return {
    root: join(folder, 'store'),
    place: 'configured',
    mount: null,
    budgets: { bases: 8 * GIB, adapters: GIB },
    disk: null,
    prefetchBytesPerSecond: null,
    collapses: false,
    ...more,
  };
}

test('mountStore() asks for huge pages, no swap, mode 0700 and the room of both books', async () => {
  const host = new FakeMounts(0);
  expect(await mountStore(join(folder, 'store'), 3 * GIB, host)).toEqual({ what: 'mounted', noswap: true });
  const size = 3 * GIB + 64 * 2 ** 20;
  expect(host.commands).toEqual([
    [
      'flock',
      folder,
      'sh',
      '-c',
      expect.stringContaining('mountpoint -q "$1" || exec mount -t tmpfs'),
      'sh',
      join(folder, 'store'),
      `huge=within_size,size=${size},mode=0700,noswap`,
      'hearth-weights',
    ],
  ]);
});

test('mountStore() does without noswap where the kernel has it not, and says why nothing can be mounted', async () => {
  const old = new FakeMounts(0, (options) => (options.includes('noswap') ? 'bad option' : null));
  expect(await mountStore(join(folder, 'store'), GIB, old)).toEqual({ what: 'mounted', noswap: false });
  const forbidden = new FakeMounts(0, () => 'warning\nmount: permission denied.');
  expect(await mountStore(join(folder, 'store'), GIB, forbidden)).toEqual({
    what: 'left',
    reason: 'mount: permission denied.',
  });
});

test('mountStore() leaves a folder with something in it, and everything when it is not root', async () => {
  const host = new FakeMounts(0);
  mkdirSync(join(folder, 'store'));
  writeFileSync(join(folder, 'store', 'file'), '');
  expect(await mountStore(join(folder, 'store'), GIB, host)).toMatchObject({ what: 'left' });
  const user = new FakeMounts(1000);
  expect(await mountStore(join(folder, 'other'), GIB, user)).toMatchObject({ what: 'left' });
  expect([...host.commands, ...user.commands]).toEqual([]);
});

test('mountStore() mounts once for two that begin together, or says that this system lets it not', async () => {
  const store = join(folder, 'store');
  const outcomes = await Promise.all([mountStore(store, GIB), mountStore(store, GIB)]);
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(` ${store} `));
  if (outcomes[0]?.what === 'left') {
    expect(outcomes).toEqual([
      expect.objectContaining({ what: 'left' }),
      expect.objectContaining({ what: 'left' }),
    ]);
    expect(mounts).toEqual([]);
    return;
  }
  expect(mounts).toHaveLength(1);
  expect(mounts[0]).toContain('huge=within_size');
  expect(statSync(store).mode & 0o777).toBe(0o700);
  expect(await mountStore(store, GIB, mountHost)).toEqual({ what: 'was' });
});

test('mountStore() lets a tmpfs of its own grow to the budget, keeps what is in it, and never shrinks it', async () => {
  const store = join(folder, 'store');
  const first = await mountStore(store, GIB);
  // This system lets nobody mount: the test above has seen that it says so.
  if (first.what === 'left') return expect(first.reason).not.toBe('');
  writeFileSync(join(store, 'segment'), 'weights');
  const bytes = 2 * GIB + 64 * 2 ** 20;
  expect(await mountStore(store, 2 * GIB)).toEqual({ what: 'grown', bytes });
  expect(await mountStore(store, 2 * GIB)).toEqual({ what: 'was' });
  expect(await mountStore(store, GIB)).toEqual({ what: 'was' });
  const { blocks, bsize } = statfsSync(store);
  expect(blocks * bsize).toBe(bytes);
  expect(readFileSync(join(store, 'segment'), 'utf8')).toBe('weights');
  const [mount] = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(store));
  expect(mount).toContain('huge=within_size');
  expect(mount).toContain('mode=700');
  const user = new FakeMounts(1000);
  expect(await mountStore(store, 4 * GIB, user)).toEqual({ what: 'was' });
  const other = new FakeMounts(0, () => 'mount: permission denied.');
  other.run = () => Promise.reject(Object.assign(new Error('exit 32'), { stderr: 'mount: denied.\n' }));
  expect(await mountStore(store, 4 * GIB, other)).toEqual({
    what: 'small',
    bytes,
    reason: 'mount: denied.',
  });
});

test('prepareStoreFolder() mounts where the file says an empty folder, and not where the environment does', async () => {
  const mounts = new FakeMounts(0);
  const log = new Messages();
  await prepareStoreFolder(settingsOf({}), folder, log, hostOf(mounts, TMPFS, GIB));
  expect(mounts.commands).toHaveLength(1);
  for (const more of [{ place: 'given' }, { place: 'shared' }, { mount: false }] as const)
    await prepareStoreFolder(settingsOf(more), folder, log, hostOf(mounts, TMPFS, GIB));
  expect(mounts.commands).toHaveLength(1);
  await prepareStoreFolder(
    settingsOf({ place: 'given', mount: true }),
    folder,
    log,
    hostOf(mounts, TMPFS, GIB),
  );
  expect(mounts.commands).toHaveLength(2);
});

test('prepareStoreFolder() takes a folder as it is when a mount was only wished, and fails when it was demanded', async () => {
  const log = new Messages();
  const host = hostOf(new FakeMounts(1000), EXT4, GIB);
  const prepared = await prepareStoreFolder(settingsOf({}), folder, log, host);
  expect(prepared.root).toBe(join(folder, 'store'));
  expect(existsSync(prepared.root)).toBe(true);
  expect(log.has('not on a tmpfs')).toBe(true);
  await expect(prepareStoreFolder(settingsOf({ mount: true }), folder, log, host)).rejects.toThrow(
    `Cannot mount a tmpfs on "${join(folder, 'store')}": only root can mount`,
  );
});

test('prepareStoreFolder() keeps to half of the memory in what the host shares, and says so', async () => {
  const log = new Messages();
  const host = hostOf(new FakeMounts(0), TMPFS, 32 * GIB, 12 * GIB);
  const prepared = await prepareStoreFolder(settingsOf({ place: 'shared' }), folder, log, host);
  expect(prepared).toEqual({ root: join(folder, 'store'), budgets: { bases: 5 * GIB, adapters: GIB } });
  expect(log.has('half of the memory')).toBe(true);
});

test('prepareStoreFolder() takes a folder in the data directory where the shared memory is none or too small', async () => {
  for (const host of [
    hostOf(new FakeMounts(0), EXT4, 64 * GIB),
    hostOf(new FakeMounts(0), TMPFS, 64 * 2 ** 20),
  ]) {
    const shared = settingsOf({ place: 'shared', root: '/nonexistent/hearth-0' });
    const { root } = await prepareStoreFolder(shared, folder, new Messages(), host);
    expect(root).toBe(join(folder, 'store'));
  }
});

test('withinHalf() leaves adapters at most half of that half', () => {
  expect(withinHalf({ bases: 100, adapters: 10 }, 1000)).toEqual({ bases: 100, adapters: 10 });
  expect(withinHalf({ bases: 600, adapters: 10 }, 1000)).toEqual({ bases: 490, adapters: 10 });
  expect(withinHalf({ bases: 600, adapters: 900 }, 1000)).toEqual({ bases: 250, adapters: 250 });
});

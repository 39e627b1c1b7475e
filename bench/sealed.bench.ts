/**
 * Staging encrypted weights beside the same weights in plain, from a disk or from memory into /dev/shm, in turns. Wall time
 * and, since a busy machine does not change it, the CPU time of the process. Flags: `--mib=1024`, `--rounds=5`,
 * `--source=<folder>`; a source on /dev/shm shows the threads' work without a disk.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCryptAddon } from '../native/loadCrypt.ts';
import { loadStoreAddon } from '../native/loadStore.ts';
import type { StagedSegment } from '../native/storeTypes.ts';

const flag = (name: string, otherwise: string): string =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise;

const BLOCK = 32 << 20;
const BYTES = Math.max(1, Math.round((Number(flag('mib', '1024')) * 2 ** 20) / BLOCK)) * BLOCK;
const ROUNDS = Number(flag('rounds', '5'));
const KEY = randomBytes(32);

const addon = loadStoreAddon();
const folder = mkdtempSync(join(flag('source', tmpdir()), 'hearth-bench-sealed-'));
const memory = mkdtempSync('/dev/shm/hearth-bench-sealed-');

/** One staging: milliseconds. */
interface Turn {
  readonly wallMs: number;
  /** User and system time of all threads. */
  readonly cpuMs: number;
  readonly segment: Omit<StagedSegment, 'lease'>;
}

async function makeSources(): Promise<{ plain: string; sealed: string }> {
  const plain = join(folder, 'model.gguf');
  const block = randomBytes(BLOCK);
  const fd = openSync(plain, 'w', 0o600);
  for (let written = 0; written < BYTES; written += BLOCK) {
    block.writeDoubleLE(written, 0);
    writeSync(fd, block);
  }
  fsyncSync(fd);
  closeSync(fd);
  const output = `${plain}.hearth`;
  await loadCryptAddon().encrypt({ input: plain, output, key: KEY, keyName: 'bench', threads: 2 }).done;
  return { plain, sealed: output };
}

async function stage(source: string): Promise<Turn> {
  // Out of the page cache: POSIX_FADV_DONTNEED, which needs no privilege.
  spawnSync('dd', [`if=${source}`, 'iflag=nocache', 'count=0', 'status=none']);
  const root = mkdtempSync(join(memory, 'store-'));
  const store = addon.openStore({ root, durable: false });
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const keys = [{ name: 'bench', key: KEY }];
  const job = store.stage({ source, book: 'bases', priority: 'demand', budgetBytes: null, keys });
  const { lease, ...segment } = await job.done;
  const wallMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpuBefore);
  lease.release();
  await store.evict('bases', segment.contentId);
  rmSync(root, { recursive: true });
  return { wallMs, cpuMs: (user + system) / 1000, segment };
}

const median = (values: number[]): number =>
  [...values].sort((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
const best = (values: number[]): number => Math.min(...values);
/** Milliseconds for a GiB. */
const perGib = (ms: number): string => ((ms * 2 ** 30) / BYTES).toFixed(0);

function print(name: string, turns: readonly Turn[]): void {
  const wall = turns.map(({ wallMs }) => wallMs);
  const part = (of: (turn: Turn) => number): string => perGib(median(turns.map(of)));
  const threads = Math.max(...turns.map(({ segment }) => segment.threads));
  console.log(
    [
      name.padEnd(10),
      `${(BYTES / median(wall) / 1e6).toFixed(2)} GB/s median, ${(BYTES / best(wall) / 1e6).toFixed(2)} best`,
      `CPU ${part(({ cpuMs }) => cpuMs)} ms/GiB`,
      `threads ${threads}: read ${part(({ segment }) => segment.readMs)}`,
      `decrypt ${part(({ segment }) => segment.decodeMs)}`,
      `verify ${part(({ segment }) => segment.verifyMs)} thread-ms/GiB`,
    ].join(', '),
  );
}

try {
  const { plain, sealed } = await makeSources();
  const turns: Record<'plain' | 'sealed', Turn[]> = { plain: [], sealed: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    turns.plain.push(await stage(plain));
    turns.sealed.push(await stage(sealed));
  }
  const load = loadavg()[0]?.toFixed(1);
  console.log(`${BYTES / 2 ** 20} MiB, ${ROUNDS} rounds, ${availableParallelism()} cores, load ${load}`);
  print('plain', turns.plain);
  print('encrypted', turns.sealed);
  const of = (what: 'wallMs' | 'cpuMs', pick: (values: number[]) => number): string => {
    const [one, other] = [turns.sealed, turns.plain].map((list) => pick(list.map((turn) => turn[what])));
    return `${(((one ?? 0) / (other ?? 1) - 1) * 100).toFixed(0)}%`;
  };
  console.log(
    `encrypted takes longer by ${of('wallMs', median)} (median), ${of('wallMs', best)} (best); of CPU time it takes ${of('cpuMs', best)} more`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
  rmSync(memory, { recursive: true, force: true });
}

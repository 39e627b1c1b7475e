/**
 * Staging a cold file, as GB/s and as a share of what the disk gives in the same run (O_DIRECT reads of 4 MiB by threads,
 * nothing done with them), and of what it gives into memory that is there and keeps all of it. Beside it `cp` to the same tmpfs, and the reading alone into its pages. On a tmpfs with huge pages,
 * when this user may mount one, and on /dev/shm. Every row finds memory that has just been used: a virtual machine may give free
 * memory back to its host, whose first touch then costs seconds per GB whoever does it. Flags: `--gib=4`, `--rounds=3`, `--source=<folder on the disk>`.
 */
import { spawnSync } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadStoreAddon } from '../native/loadStore.ts';
import type { StagedSegment } from '../native/storeTypes.ts';

const flag = (name: string, otherwise: string): string =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise;

const BYTES = Number(flag('gib', '4')) * 2 ** 30;
const ROUNDS = Number(flag('rounds', '3'));
const THREADS = [1, 2, 4, 8, 16];

const addon = loadStoreAddon();
const folder = mkdtempSync(join(flag('source', tmpdir()), 'hearth-bench-store-'));
const source = join(folder, 'model.gguf');

/** A file of bytes that no file system can leave out, and its digest. */
function makeSource(): string {
  const block = Buffer.alloc(64 << 20);
  randomFillSync(block);
  const hash = createHash('sha256');
  const fd = openSync(source, 'w', 0o600);
  for (let written = 0; written < BYTES; written += block.length) {
    block.writeDoubleLE(written, 0);
    const part = block.subarray(0, Math.min(block.length, BYTES - written));
    hash.update(part);
    writeSync(fd, part);
  }
  fsyncSync(fd);
  closeSync(fd);
  return hash.digest('hex');
}

/** Drops the file from the page cache: POSIX_FADV_DONTNEED, which needs no privilege. */
function coolDown(): void {
  spawnSync('dd', [`if=${source}`, 'iflag=nocache', 'count=0', 'status=none']);
}

/** Uses and frees as much memory as the file takes. */
async function warmMemory(memory: string): Promise<void> {
  const scratch = join(memory, 'scratch');
  await addon.rawRead(source, 4, scratch);
  rmSync(scratch);
  coolDown();
}

/** A tmpfs with huge pages; null when this user may not mount one. */
function mountHuge(): string | null {
  const target = mkdtempSync(join(folder, 'huge-'));
  const size = `size=${Math.ceil((BYTES * 1.25) / 2 ** 20)}m`;
  const { status } = spawnSync('mount', [
    '-t',
    'tmpfs',
    '-o',
    `huge=within_size,${size},mode=0700`,
    'tmpfs',
    target,
  ]);
  return status === 0 ? target : null;
}

/** One run: wall time, and the time that this process and its children were on a core. */
interface Run {
  readonly ms: number;
  readonly cpuMs: number;
}
type Times = Map<string, Run[]>;

async function measure(times: Times, name: string, work: () => unknown): Promise<void> {
  const cpu = cpuMs();
  const started = performance.now();
  await work();
  note(times, name, { ms: performance.now() - started, cpuMs: cpuMs() - cpu });
}

function note(times: Times, name: string, run: Run): void {
  times.set(name, [...(times.get(name) ?? []), run]);
}

/** User and system time of this process and of the children that have ended: proc(5), fields 14 to 17, 100 ticks a second. */
function cpuMs(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
}

const best = (runs: readonly Run[]): number => Math.min(...runs.map(({ ms }) => ms));
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function measureRaw(times: Times, memory: string): Promise<void> {
  for (const threads of THREADS) {
    coolDown();
    await measure(times, `raw, ${threads} threads`, () => addon.rawRead(source, threads, null));
  }
  // A buffer that is used again stays in the caches; a file that is kept has to go to memory.
  const kept = join(memory, 'kept');
  await addon.rawRead(source, 4, kept);
  for (const threads of THREADS.slice(0, 3)) {
    coolDown();
    await measure(times, `raw, kept, ${threads} threads`, () => addon.rawRead(source, threads, kept));
  }
  rmSync(kept);
}

/** Everything that ends with the file in `memory`. */
async function measureInto(times: Times, memory: string, digest: string): Promise<string> {
  const copy = join(memory, 'copy');
  await warmMemory(memory);
  await measure(times, 'cp', () => spawnSync('cp', [source, copy]));
  rmSync(copy);
  await warmMemory(memory);
  await measure(times, 'read into pages, no hash, 4 threads', () => addon.rawRead(source, 4, copy));
  rmSync(copy);
  let shape = '';
  for (const [name, more] of [
    ['stage (BLAKE3, parallel)', {}],
    ['stage with a sha256 digest (in order)', { digest: `sha256:${digest}` }],
  ] as const) {
    const root = mkdtempSync(join(memory, 'store-'));
    const store = addon.openStore({ root, durable: false });
    const stage = (): Promise<StagedSegment> =>
      store.stage({ source, book: 'bases', priority: 'demand', budgetBytes: null, ...more }).done;
    await warmMemory(memory);
    const staged: StagedSegment[] = [];
    await measure(times, name, async () => staged.push(await stage()));
    await measure(times, 'stage what is there', async () => staged.push(await stage()));
    if (shape === '' && staged[0]) shape = describe(staged[0]);
    for (const { lease } of staged) lease.release();
    for (const { contentId } of staged.slice(0, 1)) await store.evict('bases', contentId);
    rmSync(root, { recursive: true });
  }
  return shape;
}

function describe({ threads, direct, readMs, verifyMs, copyMs }: StagedSegment): string {
  const share = (ms: number): string => (ms / copyMs).toFixed(2);
  return `up to ${threads} threads, ${direct ? 'O_DIRECT' : 'buffered'}, reading ${share(readMs)} and hashing ${share(verifyMs)} threads on average`;
}

/** What the disk gave at best: into a buffer that is used again, and into memory that keeps it. */
interface Limits {
  readonly rawMs: number;
  readonly keptMs: number;
}

function print(title: string, times: Times, { rawMs, keptMs }: Limits): void {
  console.log(`\n${title}`);
  for (const [name, runs] of times) {
    const rate = (ms: number): string => (BYTES / ms / 1e6).toFixed(2);
    const middle = median(runs.map(({ ms }) => ms));
    const share = (limit: number): string => `${((limit / best(runs)) * 100).toFixed(0)}%`;
    const cpuSeconds = (median(runs.map((run) => run.cpuMs)) / (BYTES / 1e9) / 1000).toFixed(2);
    const told =
      middle < 50
        ? `${middle.toFixed(2)} ms`
        : `${rate(middle)} GB/s median, ${rate(best(runs))} best, ${share(rawMs)} of raw, ${share(keptMs)} of kept, ${cpuSeconds} s of a core per GB`;
    console.log(`  ${name.padEnd(40)} ${told}`);
  }
}

let huge: string | null = null;
try {
  const digest = makeSource();
  huge = mountHuge();
  const shm = mkdtempSync('/dev/shm/hearth-bench-store-');
  const raw: Times = new Map();
  const places = [
    { title: 'into /dev/shm', memory: shm, times: new Map() as Times, shape: '' },
    ...(huge === null
      ? []
      : [{ title: 'into a tmpfs with huge pages', memory: huge, times: new Map() as Times, shape: '' }]),
  ];
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      await measureRaw(raw, huge ?? shm);
      for (const place of places) place.shape = await measureInto(place.times, place.memory, digest);
    }
  } finally {
    rmSync(shm, { recursive: true, force: true });
  }
  const bestOf = (isKept: boolean): number =>
    Math.min(...[...raw].filter(([name]) => name.includes('kept') === isKept).map(([, runs]) => best(runs)));
  const limits: Limits = { rawMs: bestOf(false), keptMs: bestOf(true) };
  console.log(`${(BYTES / 2 ** 30).toFixed(1)} GiB, ${ROUNDS} rounds, ${availableParallelism()} cores`);
  print('from the disk, nothing done with it', raw, limits);
  for (const { title, times, shape } of places) {
    print(title, times, limits);
    console.log(`  (${shape})`);
  }
} finally {
  if (huge !== null) spawnSync('umount', [huge]);
  rmSync(folder, { recursive: true, force: true });
}

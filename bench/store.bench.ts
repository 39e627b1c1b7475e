/**
 * Staging a cold file, as GB/s and as a share of what the disk gives in the same run (O_DIRECT reads of 4 MiB by threads,
 * nothing done with them). Beside it `cp` to the same tmpfs, and the reading alone into its pages. On a tmpfs with huge pages,
 * when this user may mount one, and on /dev/shm. Flags: `--gib=4`, `--rounds=3`, `--source=<folder on the disk>`.
 */
import { spawnSync } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
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

type Times = Map<string, number[]>;

function note(times: Times, name: string, ms: number): void {
  times.set(name, [...(times.get(name) ?? []), ms]);
}

const best = (values: readonly number[]): number => Math.min(...values);
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function timed(work: () => unknown): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function measureRaw(times: Times): Promise<void> {
  for (const threads of THREADS) {
    coolDown();
    note(times, `raw, ${threads} threads`, (await addon.rawRead(source, threads, null)).ms);
  }
}

/** Everything that ends with the file in `memory`. */
async function measureInto(times: Times, memory: string, digest: string): Promise<string> {
  const copy = join(memory, 'copy');
  coolDown();
  note(times, 'cp', await timed(() => spawnSync('cp', [source, copy])));
  rmSync(copy);
  coolDown();
  note(times, 'read into pages, no hash, 4 threads', (await addon.rawRead(source, 4, copy)).ms);
  rmSync(copy);
  let shape = '';
  for (const [name, more] of [
    ['stage (tree of SHA-256, parallel)', {}],
    ['stage with a sha256 digest (in order)', { digest: `sha256:${digest}` }],
  ] as const) {
    const root = mkdtempSync(join(memory, 'store-'));
    const store = addon.openStore({ root, durable: false });
    coolDown();
    const staged = await store.stage({
      source,
      book: 'bases',
      priority: 'demand',
      budgetBytes: null,
      ...more,
    }).done;
    note(times, name, staged.totalMs);
    if (Object.keys(more).length === 0) {
      shape = describe(staged);
      const again = store.stage({ source, book: 'bases', priority: 'demand', budgetBytes: null });
      note(times, 'stage what is there', (await again.done).totalMs);
    }
    staged.lease.release();
    await store.evict('bases', staged.contentId);
    rmSync(root, { recursive: true });
  }
  return shape;
}

function describe({ threads, direct, readMs, verifyMs, copyMs }: StagedSegment): string {
  const share = (ms: number): string => `${(ms / copyMs).toFixed(2)}`;
  return `up to ${threads} threads, ${direct ? 'O_DIRECT' : 'buffered'}, reading ${share(readMs)} and hashing ${share(verifyMs)} threads on average`;
}

function print(title: string, times: Times, rawMs: number): void {
  console.log(`\n${title}`);
  for (const [name, values] of times) {
    const rate = (ms: number): string => (BYTES / ms / 1e6).toFixed(2);
    const share = ((rawMs / best(values)) * 100).toFixed(0);
    const told =
      median(values) < 50
        ? `${median(values).toFixed(2)} ms`
        : `${rate(median(values))} GB/s median, ${rate(best(values))} best, ${share}% of raw`;
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
      await measureRaw(raw);
      for (const place of places) place.shape = await measureInto(place.times, place.memory, digest);
    }
  } finally {
    rmSync(shm, { recursive: true, force: true });
  }
  const rawMs = best([...raw.values()].map(best));
  console.log(`${(BYTES / 2 ** 30).toFixed(1)} GiB, ${ROUNDS} rounds, ${availableParallelism()} cores`);
  print('from the disk, nothing done with it', raw, rawMs);
  for (const { title, times, shape } of places) {
    print(title, times, rawMs);
    console.log(`  (${shape})`);
  }
} finally {
  if (huge !== null) spawnSync('umount', [huge]);
  rmSync(folder, { recursive: true, force: true });
}

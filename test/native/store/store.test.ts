import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hash } from '@huggingface/blake3-jit';
import { expect, test } from 'vitest';
import { loadStoreAddon } from '../../../native/loadStore.ts';
import type { StageProgress } from '../../../native/storeTypes.ts';
import {
  allocatedBelow,
  contentIdOf,
  DISK,
  failureOf,
  folderIn,
  isLeft,
  MEMORY,
  openStore,
  options,
  read,
  sourceFile,
  stage,
} from './harness.ts';

const ODD_BYTES = (13 << 20) + 777;

test('describeSource() tells key, files and bytes without reading', async () => {
  const path = sourceFile(1000);
  const description = await loadStoreAddon().describeSource(path);
  expect(description).toMatchObject({
    isFolder: false,
    bytes: 1000,
    files: [{ name: 'model.gguf', bytes: 1000 }],
  });
  expect(description.sourceKey).toMatch(/^[0-9a-f]{32}$/);
  const held = await loadStoreAddon().describeSource(path, `sha256:${'0'.repeat(64)}`);
  expect(held.sourceKey).not.toBe(description.sourceKey);
  expect(() => loadStoreAddon().describeSource(path, 'md5:0')).toThrow(/expected a path and a digest/);
});

test('NativeStore.stage() gives the bytes of the source under the id that Node computes', async () => {
  const path = sourceFile(ODD_BYTES);
  const store = openStore();
  const staged = await stage(store, path);
  expect(staged).toMatchObject({ outcome: 'staged', bytes: ODD_BYTES, encrypted: false });
  expect(staged.contentId).toBe(contentIdOf(read(path)));
  expect(read(join(staged.lease.path, 'model.gguf')).equals(read(path))).toBe(true);
  const { sourceKey } = await loadStoreAddon().describeSource(path);
  expect(store.lookup('bases', sourceKey)).toBe(staged.contentId);
  expect(store.lookup('adapters', sourceKey)).toBeNull();
});

test('NativeStore.stage() describes a segment in its .segment.json', async () => {
  const folder = folderIn(DISK);
  sourceFile(5000, folder, 'a.safetensors');
  writeFileSync(join(folder, 'config "x".json'), '{}');
  const staged = await stage(openStore(), folder);
  const segment = JSON.parse(readFileSync(join(staged.lease.path, '.segment.json'), 'utf8'));
  expect(segment).toMatchObject({
    format: 2,
    contentId: expect.stringMatching(/^[0-9a-f]{64}$/),
    files: [
      { name: 'a.safetensors', bytes: 5000 },
      { name: 'config "x".json', bytes: 2 },
    ],
    bytes: 5002,
    encrypted: false,
  });
  expect(segment.contentId.startsWith(staged.contentId)).toBe(true);
  expect(Math.abs(Date.now() - segment.stagedAtEpochMs)).toBeLessThan(3_600_000);
});

test('NativeStore.stage() takes the digest of the whole file, and refuses another', async () => {
  const path = sourceFile(ODD_BYTES);
  const root = join(folderIn(MEMORY), 'store');
  const store = openStore(root);
  const wrong = await failureOf(stage(store, path, { digest: `sha256:${'0'.repeat(64)}` }));
  expect(wrong.code).toBe('digest_mismatch');
  expect(isLeft(root, 'making')).toEqual([]);
  expect(isLeft(root, 'bases')).toEqual([]);
  const digest = spawnSync('sha256sum', [path], { encoding: 'utf8' }).stdout.slice(0, 64);
  expect((await stage(store, path, { digest: `sha256:${digest}` })).outcome).toBe('staged');
  const blake3 = Buffer.from(hash(read(path))).toString('hex');
  expect((await failureOf(stage(store, path, { digest: `blake3:${digest}` }))).code).toBe('digest_mismatch');
  expect((await stage(store, path, { digest: `blake3:${blake3}` })).outcome).toBe('duplicate');
});

test('NativeStore.stage() rejects with the numbers of a full store', async () => {
  const failure = await failureOf(stage(openStore(), sourceFile(ODD_BYTES), { budgetBytes: 1 << 20 }));
  expect(failure).toMatchObject({ code: 'store_full', budgetBytes: 1 << 20 });
  expect(failure.neededBytes).toBeGreaterThan(ODD_BYTES);
  expect(failure.freeBytes).toBeGreaterThan(0);
});

test('NativeStore.stage() rejects with codes for what is not there and what may not be', async () => {
  const store = openStore();
  expect((await failureOf(stage(store, '/nonexistent'))).code).toBe('source_missing');
  expect((await failureOf(stage(store, '/dev/null'))).code).toBe('source_unsafe');
  for (const wrong of [
    { book: 'x' },
    { priority: 'x' },
    { digest: 'md5:0' },
    { maxReaders: 0 },
    { source: 7 },
  ]) {
    expect(() => store.stage({ ...options('/dev/null'), ...wrong } as never)).toThrow(
      /Cannot stage a source/,
    );
  }
});

test('NativeStore.stage() tells progress, and stops when it is cancelled', async () => {
  const root = join(folderIn(MEMORY), 'store');
  const store = openStore(root);
  store.setPrefetchCap(1 << 20);
  const told: StageProgress[] = [];
  const job = store.stage(options(sourceFile(ODD_BYTES), { priority: 'prefetch' }), (progress) => {
    told.push(progress);
    job.cancel();
  });
  expect((await failureOf(job.done)).code).toBe('cancelled');
  expect(told[0]).toMatchObject({ bytes: ODD_BYTES, joined: false });
  expect(isLeft(root, 'making')).toEqual([]);
  expect(isLeft(root, 'locks')).toEqual(['store.lock']);
});

test('NativeStore.stage() of a prefetch goes on without its cap when a request comes to wait for it', async () => {
  const root = join(folderIn(MEMORY), 'store');
  const path = sourceFile(ODD_BYTES);
  const slow = openStore(root);
  slow.setPrefetchCap(1);
  const prefetch = slow.stage(options(path, { priority: 'prefetch' }));
  const demand = openStore(root).stage(options(path));
  const [first, second] = await Promise.all([prefetch.done, demand.done]);
  expect([first.outcome, second.outcome].sort()).toEqual(['joined', 'staged']);
  expect(first.lease.path).toBe(second.lease.path);
});

test('NativeLease keeps a segment until it is released, and in a child that inherits it', async () => {
  const store = openStore();
  const { contentId, lease } = await stage(store, sourceFile(1000));
  expect(await store.evict('bases', contentId)).toEqual({ outcome: 'busy', bytes: 0 });
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
    stdio: ['pipe', 'ignore', 'inherit', lease.fd],
  });
  lease.release();
  lease.release();
  expect(lease.fd).toBe(-1);
  expect((await store.evict('bases', contentId)).outcome).toBe('busy');
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  expect((await store.evict('bases', contentId)).outcome).toBe('evicted');
  expect(store.acquire('bases', contentId)).toBeNull();
  expect((await store.evict('bases', contentId)).outcome).toBe('absent');
});

test('NativeStore.list() and usage() say what lies in the folders', async () => {
  const root = join(folderIn(MEMORY), 'store');
  const store = openStore(root);
  const base = await stage(store, sourceFile(ODD_BYTES));
  const adapter = await stage(store, sourceFile(5000), { book: 'adapters' });
  adapter.lease.release();
  const usage = await store.usage();
  expect(usage.bases).toEqual({ segmentBytes: allocatedBelow(join(root, 'bases')), makingBytes: 0 });
  expect(usage.adapters.segmentBytes).toBe(allocatedBelow(join(root, 'adapters')));
  const list = await store.list();
  expect(list).toContainEqual({
    book: 'bases',
    contentId: base.contentId,
    bytes: usage.bases.segmentBytes,
    inUse: true,
  });
  expect(list).toContainEqual(
    expect.objectContaining({ book: 'adapters', contentId: adapter.contentId, inUse: false }),
  );
});

test('NativeStore.sweep() removes the half-made segments of the dead', async () => {
  const root = join(folderIn(MEMORY), 'store');
  const store = openStore(root);
  mkdirSync(join(root, 'making/bases-0123'), { recursive: true });
  writeFileSync(join(root, 'making/bases-0123/model.gguf'), 'half');
  expect(await store.sweep()).toMatchObject({ segments: 1, sources: 0 });
  expect(isLeft(root, 'making')).toEqual([]);
});

test('NativeStore.stage() brings a segment to the disk tier and back', async () => {
  const memory = openStore();
  const disk = openStore(join(folderIn(DISK), 'disk'), true);
  const path = sourceFile(ODD_BYTES);
  const { sourceKey } = await loadStoreAddon().describeSource(path);
  const staged = await stage(memory, path);
  const saved = await disk.stage(options(staged.lease, { sourceKey, priority: 'prefetch' })).done;
  expect(saved.contentId).toBe(staged.contentId);
  staged.lease.release();
  expect((await memory.evict('bases', staged.contentId)).outcome).toBe('evicted');
  const back = await memory.stage(options(saved.lease, { sourceKey })).done;
  expect(back).toMatchObject({ outcome: 'staged', contentId: staged.contentId });
  expect(read(join(back.lease.path, 'model.gguf')).equals(read(path))).toBe(true);
});

test('openStore() refuses a folder that others may write to', () => {
  const folder = folderIn(MEMORY);
  spawnSync('chmod', ['777', folder]);
  expect(() => openStore(folder)).toThrow(/others may write to it/);
  expect(statSync(folder).isDirectory()).toBe(true);
});

test('rawRead() reads all of a file, past the page cache on a disk', async () => {
  const target = join(folderIn(MEMORY), 'copy');
  const path = sourceFile(ODD_BYTES);
  const { rawRead } = loadStoreAddon();
  expect(await rawRead(path, 2, target)).toMatchObject({ bytes: ODD_BYTES });
  expect(read(target).equals(read(path))).toBe(true);
  expect(await rawRead(path, 2, null)).toMatchObject({ bytes: ODD_BYTES });
});

import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadStoreAddon } from '../../../native/loadStore.ts';
import {
  contentIdOf,
  DISK,
  failureOf,
  folderIn,
  isLeft,
  MEMORY,
  openStore,
  read,
  sourceFile,
  stage,
} from './harness.ts';
import { KEY, KEY_NAME, sealed, sealedFile } from './sealed.ts';

const ODD_BYTES = (9 << 20) + 777;
const KEYS = { keys: [{ name: KEY_NAME, key: KEY }] };

test('NativeStore.stage() gives the plaintext of a container that hearth_crypt made', async () => {
  const plain = sourceFile(ODD_BYTES);
  const path = await sealed(plain);
  const staged = await stage(openStore(), path, KEYS);
  expect(staged).toMatchObject({ outcome: 'staged', bytes: ODD_BYTES, encrypted: true });
  expect(staged.contentId).toBe(contentIdOf(read(plain)));
  const file = join(staged.lease.path, 'model.gguf');
  expect(read(file).equals(read(plain))).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o400);
  expect(statSync(staged.lease.path).mode & 0o777).toBe(0o700);
  expect(staged.decodeMs).toBeGreaterThan(0);
});

test('NativeStore.stage() opens the containers of a folder, each by its own key', async () => {
  const folder = folderIn(DISK);
  mkdirSync(join(folder, 'sub'));
  const first = sourceFile(ODD_BYTES, folder, 'a.safetensors');
  const second = sourceFile(100, join(folder, 'sub'), 'b.safetensors');
  const other = randomBytes(32);
  await sealed(first);
  await sealed(second, { key: other, keyName: 'other' });
  const plain = [read(first), read(second)];
  for (const path of [first, second]) rmSync(path);
  writeFileSync(join(folder, 'config.json'), '{}');
  const store = openStore();
  expect(await failureOf(stage(store, folder, KEYS))).toMatchObject({
    code: 'key_required',
    keyName: 'other',
  });
  const staged = await stage(store, folder, { keys: [...KEYS.keys, { name: 'other', key: other }] });
  expect(read(join(staged.lease.path, 'a.safetensors')).equals(plain[0] as Buffer)).toBe(true);
  expect(read(join(staged.lease.path, 'sub/b.safetensors')).equals(plain[1] as Buffer)).toBe(true);
  expect(read(join(staged.lease.path, 'config.json')).toString()).toBe('{}');
});

test('NativeStore.stage() names the key that it misses, and has a copy of those that it is given', async () => {
  const path = await sealedFile(ODD_BYTES);
  const store = openStore();
  expect(await failureOf(stage(store, path))).toMatchObject({
    code: 'key_required',
    keyName: KEY_NAME,
    message: `Cannot stage "${path}": it is encrypted, expected key "${KEY_NAME}"`,
  });
  const key = Buffer.from(KEY);
  const staged = stage(store, path, { keys: [{ name: KEY_NAME, key }] });
  key.fill(0);
  expect((await staged).outcome).toBe('staged');
});

test.each([
  ['wrong_key', (_path: string) => {}, randomBytes(32)],
  ['chunk_damaged', (path: string) => flip(path, 4096 + 5_000_000), KEY],
  ['truncated', (path: string) => truncateSync(path, statSync(path).size - 1), KEY],
  ['trailing_bytes', (path: string) => writeFileSync(path, 'x', { flag: 'a' }), KEY],
  ['unsupported_version', (path: string) => flip(path, 8), KEY],
] as const)(
  'NativeStore.stage() says %s, without the key, and publishes nothing',
  async (code, spoil, key) => {
    const path = await sealedFile(ODD_BYTES);
    spoil(path);
    const root = join(folderIn(MEMORY), 'store');
    const failure = await failureOf(stage(openStore(root), path, { keys: [{ name: KEY_NAME, key }] }));
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(path);
    for (const form of ['hex', 'base64'] as const) expect(failure.message).not.toContain(key.toString(form));
    for (const part of ['making', 'bases', 'sources'] as const) expect(isLeft(root, part)).toEqual([]);
  },
);

test('NativeStore.stage() takes the digests of a container for those of its plaintext', async () => {
  const plain = sourceFile(ODD_BYTES);
  const path = await sealed(plain);
  const digest = `tree:${contentIdOf(read(plain))}`;
  expect((await stage(openStore(), path, { ...KEYS, digest })).outcome).toBe('staged');
  const other = `tree:${'0'.repeat(32)}`;
  expect((await failureOf(stage(openStore(), path, { ...KEYS, digest: other }))).code).toBe(
    'digest_mismatch',
  );
});

test('NativeStore.stage() copies a container to the disk tier as it is', async () => {
  const path = await sealedFile(ODD_BYTES);
  const disk = openStore(join(folderIn(DISK), 'disk'), true);
  const { sourceKey } = await loadStoreAddon().describeSource(path);
  const saved = await stage(disk, path, KEYS);
  expect(read(join(saved.lease.path, 'model.gguf.hearth')).equals(read(path))).toBe(true);
  const memory = openStore();
  const job = memory.stage({
    source: saved.lease,
    sourceKey,
    book: 'bases',
    priority: 'demand',
    budgetBytes: null,
    ...KEYS,
  });
  const staged = await job.done;
  expect(staged).toMatchObject({ outcome: 'staged', contentId: saved.contentId, encrypted: true });
  // What is plaintext now does not go the way back.
  const back = {
    source: staged.lease,
    sourceKey,
    book: 'bases',
    priority: 'demand',
    budgetBytes: null,
  } as const;
  const again = openStore(join(folderIn(DISK), 'other'), true).stage(back);
  expect((await failureOf(again.done)).code).toBe('encrypted_stays');
});

test('NativeStore.stage() refuses keys of the wrong shape without repeating them', async () => {
  const store = openStore();
  const path = sourceFile(10);
  for (const keys of [
    7,
    [7],
    [{ name: 'a' }],
    [{ name: 'a', key: KEY.subarray(1) }],
    [{ name: 7, key: KEY }],
    [{ name: 'a', key: KEY.toString('hex') }],
  ]) {
    expect(() =>
      store.stage({
        source: path,
        book: 'bases',
        priority: 'demand',
        budgetBytes: null,
        keys: keys as never,
      }),
    ).toThrow(
      /^Cannot stage a source: property "keys", expected (an array|objects with a name and a key of 32 bytes)$/,
    );
  }
});

test('describeSource() tells which key a source needs', async () => {
  const { describeSource } = loadStoreAddon();
  expect(await describeSource(await sealedFile(10))).toMatchObject({ encrypted: true, keyName: KEY_NAME });
  expect(await describeSource(await sealedFile(10, { keyName: '' }))).toMatchObject({
    encrypted: true,
    keyName: '',
  });
  expect(await describeSource(sourceFile(10))).toMatchObject({ encrypted: false, keyName: null });
  const damaged = await sealedFile(10);
  flip(damaged, 12);
  expect((await failureOf(describeSource(damaged))).code).toBe('bad_header');
});

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

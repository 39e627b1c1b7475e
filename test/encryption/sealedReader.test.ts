import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SealedReader } from '../../gateway/encryption/sealedReader.ts';
import { WeightKey } from '../../gateway/encryption/weightKey.ts';
import { loadCryptAddon } from '../../native/loadCrypt.ts';

const CHUNK = 4 * 2 ** 20;
const HEADER = 4096;
const KEY = randomBytes(32);

let folder: string;
let asked: string[];
const handles: FileHandle[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearth-sealed-'));
  asked = [];
});
afterEach(async () => {
  for (const handle of handles.splice(0)) await handle.close();
  rmSync(folder, { recursive: true });
});

/** A container as hearth_crypt makes it. */
async function seal(plain: Buffer, keyName = 'main'): Promise<Buffer> {
  const [input, output] = [join(folder, 'plain'), join(folder, 'sealed')];
  rmSync(output, { force: true });
  writeFileSync(input, plain);
  await loadCryptAddon().encrypt({ input, output, key: KEY, keyName, threads: 1 }).done;
  const handle = await open(output);
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

async function fileOf(bytes: Buffer): Promise<FileHandle> {
  const path = join(folder, 'file');
  writeFileSync(path, bytes);
  const handle = await open(path);
  handles.push(handle);
  return handle;
}

async function reader(container: Buffer, key = KEY): Promise<SealedReader | null> {
  return SealedReader.open(await fileOf(container), container.length, async (name) => {
    asked.push(name);
    return new WeightKey(key);
  });
}

async function readAt(from: SealedReader | null, position: number, length: number): Promise<Buffer> {
  const into = Buffer.alloc(length + 2, 0xaa);
  if (!from) throw new Error('was no container');
  const { bytesRead } = await from.read(into, 1, length, position);
  expect([into[0], into[length + 1]]).toEqual([0xaa, 0xaa]);
  return into.subarray(1, 1 + bytesRead);
}

describe('SealedReader.read()', () => {
  test('gives the plaintext of any place, over the bounds of chunks, up to its end', async () => {
    const plain = randomBytes(2 * CHUNK + 100);
    const sealed = await reader(await seal(plain));
    expect(sealed?.sizeBytes).toBe(plain.length);
    for (const [position, length] of [
      [0, 10],
      [CHUNK - 5, 10],
      [CHUNK, 1],
      [100, CHUNK + 50],
      [2 * CHUNK + 90, 50],
      [plain.length, 1],
      [plain.length + CHUNK, 1],
    ] as const) {
      const expected = plain.subarray(position, position + length);
      expect((await readAt(sealed, position, length)).equals(expected)).toBe(true);
    }
    expect(asked).toEqual(['main']);
  });

  test('decrypts the chunks that are asked for, and none that is damaged', async () => {
    const plain = randomBytes(2 * CHUNK);
    const container = await seal(plain);
    flip(container, HEADER + CHUNK + 5);
    const sealed = await reader(container);
    expect((await readAt(sealed, 0, CHUNK)).equals(plain.subarray(0, CHUNK))).toBe(true);
    await expect(readAt(sealed, CHUNK - 1, 2)).rejects.toThrow('damage in chunk 1, counted from 0');
    await expect(readAt(sealed, CHUNK, 1)).rejects.toThrow('damage in chunk 1');
    expect((await readAt(sealed, 3, 4)).equals(plain.subarray(3, 7))).toBe(true);
  });

  test('refuses swapped chunks, a damaged tag and a header that was changed where no check sees it', async () => {
    const container = await seal(randomBytes(2 * CHUNK));
    const swapped = Buffer.from(container);
    container.copy(swapped, HEADER, HEADER + CHUNK, HEADER + 2 * CHUNK);
    const tag = Buffer.from(container);
    flip(tag, HEADER + 2 * CHUNK);
    const nonce = Buffer.from(container);
    flip(nonce, 56);
    for (const spoilt of [swapped, tag, nonce])
      await expect(readAt(await reader(spoilt), 0, 1)).rejects.toThrow('damage in chunk 0');
  });

  test('finds that the file was cut since it was opened', async () => {
    const container = await seal(randomBytes(CHUNK));
    const sealed = await reader(container);
    writeFileSync(join(folder, 'file'), container.subarray(0, 10_000));
    await expect(readAt(sealed, 0, 1)).rejects.toThrow('bytes against fewer');
  });

  test('has nothing left when it is closed', async () => {
    const sealed = await reader(await seal(randomBytes(CHUNK)));
    await readAt(sealed, 0, 1);
    sealed?.close();
    await expect(readAt(sealed, 0, 1)).rejects.toThrow('damage in chunk 0');
  });
});

describe('SealedReader.open()', () => {
  test('is null for what is no container, without asking for a key', async () => {
    for (const plain of [Buffer.alloc(0), Buffer.from('HEARTHW'), randomBytes(9000)])
      expect(await reader(plain)).toBeNull();
    expect(asked).toEqual([]);
  });

  test('gives an empty container as empty', async () => {
    const sealed = await reader(await seal(Buffer.alloc(0)));
    expect(sealed?.sizeBytes).toBe(0);
    expect(await readAt(sealed, 0, 1)).toHaveLength(0);
  });

  test('refuses a wrong key and does not show it', async () => {
    const other = randomBytes(32);
    const refused = reader(await seal(randomBytes(10)), other);
    await expect(refused).rejects.toThrow(
      /^wrong key, expected the one that it was encrypted with against another$/,
    );
  });

  test('wipes the key that it was given', async () => {
    const container = await seal(randomBytes(10));
    const key = new WeightKey(KEY);
    await SealedReader.open(await fileOf(container), container.length, async () => key);
    expect(key.use((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
  });

  test.each([
    [
      'a cut header',
      (container: Buffer) => container.subarray(0, 100),
      'expected a header of 4096 bytes against 100',
    ],
    ['a cut file', (container: Buffer) => container.subarray(0, -1), 'bytes against 5111'],
    [
      'more behind the end',
      (container: Buffer) => Buffer.concat([container, Buffer.alloc(1)]),
      'bytes against 5113',
    ],
    ['another version', (container: Buffer) => written(container, 8, 2), 'expected version 1 against 2'],
    [
      'other chunks',
      (container: Buffer) => written(container, 12, 4096),
      'expected chunks of 4194304 bytes against 4096',
    ],
    [
      'a size beyond the file',
      (container: Buffer) => written(container, 20, 0xffffffff),
      'of plaintext against',
    ],
    [
      'a name that is too long',
      (container: Buffer) => written(container, 80, 129),
      'at most 128 bytes against 129',
    ],
    [
      'a name with a line feed',
      (container: Buffer) => written(container, 80, 0x0a41_0004),
      'printable ASCII',
    ],
    ['padding that is not zero', (container: Buffer) => written(container, 4000, 1), 'zeros behind it'],
  ])('refuses %s before it asks for a key', async (_what, spoil, words) => {
    const container = await seal(randomBytes(1000));
    await expect(reader(spoil(container))).rejects.toThrow(words);
    expect(asked).toEqual([]);
  });
});

function flip(bytes: Buffer, at: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ 1;
}

function written(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(value, at);
  return copy;
}

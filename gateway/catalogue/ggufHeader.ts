import { type FileHandle, open } from 'node:fs/promises';
import { FileCursor, type RandomAccess } from './fileCursor.ts';
import { tensorBytes } from './tensorBytes.ts';

/** Longest reading of one file's header; a hung network file system must not hold the catalogue. */
const READ_TIMEOUT_MS = 30_000;
/** Longer texts (chat templates) are not kept. */
const MAX_TEXT_BYTES = 1024;
const MAX_ARRAY_DEPTH = 4;
/** ggml.h, GGML_MAX_DIMS. */
const MAX_DIMENSIONS = 4;
const TEXT = 8;
const ARRAY = 9;
/** Bytes of a value by its type: u8, i8, u16, i16, u32, i32, f32, bool, (text, array,) u64, i64, f64. */
const VALUE_BYTES: readonly (number | undefined)[] = [1, 1, 2, 2, 4, 4, 4, 1, undefined, undefined, 8, 8, 8];

/** What a file says of itself: short texts and whole numbers. */
export type GgufMetadata = ReadonlyMap<string, string | number>;

/**
 * Reads the header of a GGUF file (github.com/ggml-org/ggml/blob/master/docs/gguf.md) and checks that every tensor
 * lies inside the file. Throws an Error that says what is wrong with it.
 *
 * Our own reader, since @huggingface/gguf makes an object of every token: 1.6 s for a vocabulary of 152,000, half a
 * second of it in one piece on the event loop. This one skips what nobody asks for; a test compares the two.
 */
export async function readGgufHeader(path: string, sizeBytes: number): Promise<GgufMetadata> {
  return withTimeout(openAndRead(path, sizeBytes));
}

/** The same of a file that lies elsewhere; the caller sees to it that reading ends in time. */
export function readGgufHeaderFrom(file: RandomAccess, sizeBytes: number): Promise<GgufMetadata> {
  return readHeader(new FileCursor(file, sizeBytes), sizeBytes);
}

function randomAccess(file: FileHandle): RandomAccess {
  return {
    read: async (target, position) => (await file.read(target, 0, target.length, position)).bytesRead,
  };
}

async function openAndRead(path: string, sizeBytes: number): Promise<GgufMetadata> {
  const file = await open(path, 'r');
  try {
    return await readHeader(new FileCursor(randomAccess(file), sizeBytes), sizeBytes);
  } finally {
    await file.close();
  }
}

async function readHeader(cursor: FileCursor, sizeBytes: number): Promise<GgufMetadata> {
  if (sizeBytes < 24 || (await cursor.text(4)) !== 'GGUF') {
    throw new Error('not a GGUF file: expected it to start with "GGUF"');
  }
  const version = await cursor.uint32();
  if (version !== 2 && version !== 3) throw new Error(`expected GGUF version 2 or 3, got ${version}`);
  const tensors = await cursor.size();
  const entries = await cursor.size();
  const metadata = new Map<string, string | number>();
  for (let index = 0; index < entries; index++) {
    const key = await readText(cursor);
    const value = await readValue(cursor, await cursor.uint32(), 0);
    if (key !== undefined && value !== undefined) metadata.set(key, value);
  }
  await checkTensors(cursor, tensors, Number(metadata.get('general.alignment') ?? 32), sizeBytes);
  return metadata;
}

/** undefined for what is not kept. */
async function readValue(
  cursor: FileCursor,
  type: number,
  depth: number,
): Promise<string | number | undefined> {
  if (type === TEXT) return readText(cursor);
  if (type === ARRAY) return skipArray(cursor, depth);
  if (type === 4) return cursor.uint32();
  if (type === 10) return Number(await cursor.uint64());
  cursor.skip(bytesOf(type));
  return undefined;
}

async function readText(cursor: FileCursor): Promise<string | undefined> {
  const length = await cursor.size();
  if (length <= MAX_TEXT_BYTES) return cursor.text(length);
  cursor.skip(length);
  return undefined;
}

async function skipArray(cursor: FileCursor, depth: number): Promise<undefined> {
  if (depth >= MAX_ARRAY_DEPTH) throw new Error(`arrays nest deeper than ${MAX_ARRAY_DEPTH}`);
  const type = await cursor.uint32();
  const count = await cursor.size();
  if (type === TEXT) {
    await cursor.skipTexts(count);
  } else if (type === ARRAY) {
    for (let index = 0; index < count; index++) await skipArray(cursor, depth + 1);
  } else {
    cursor.skip(count * bytesOf(type));
  }
  return undefined;
}

function bytesOf(type: number): number {
  const bytes = VALUE_BYTES[type];
  if (bytes === undefined) throw new Error(`expected a value type from 0 to 12, got ${type}`);
  return bytes;
}

async function checkTensors(
  cursor: FileCursor,
  count: number,
  alignment: number,
  sizeBytes: number,
): Promise<void> {
  let dataEndBytes = 0;
  for (let index = 0; index < count; index++) {
    cursor.skip(await cursor.size());
    const dimensions = await cursor.uint32();
    if (dimensions > MAX_DIMENSIONS) {
      throw new Error(`expected tensors of at most ${MAX_DIMENSIONS} dimensions, got ${dimensions}`);
    }
    const shape: bigint[] = [];
    for (let axis = 0; axis < dimensions; axis++) shape.push(await cursor.uint64());
    const type = await cursor.uint32();
    const offset = await cursor.size();
    dataEndBytes = Math.max(dataEndBytes, offset + tensorBytes(type, shape));
  }
  if (count === 0) return;
  if (!(alignment > 0)) throw new Error(`expected a positive general.alignment, got ${alignment}`);
  const neededBytes = Math.ceil(cursor.position / alignment) * alignment + dataEndBytes;
  if (neededBytes > sizeBytes) {
    throw new Error(`the file is truncated: expected at least ${neededBytes} bytes, got ${sizeBytes}`);
  }
}

async function withTimeout<T>(reading: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`its header was not read within ${READ_TIMEOUT_MS} ms`)),
      READ_TIMEOUT_MS,
    );
  });
  try {
    return await Promise.race([reading, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

import { type FileHandle, open } from 'node:fs/promises';
import type { ReadableFile, SealedFiles } from '../ports/readableFile.ts';
import { FileCursor, type RandomAccess } from './fileCursor.ts';
import { tensorBytes } from './tensorBytes.ts';

/** Longest reading of one file's header; a hung network file system must not hold the catalogue. */
const READ_TIMEOUT_MS = 30_000;
/** Longer texts (chat templates) are not kept. */
const MAX_TEXT_BYTES = 1024;
const MAX_ARRAY_DEPTH = 4;
/** ggml.h, GGML_MAX_NAME is 64; some builds have it longer. */
const MAX_NAME_BYTES = 256;
/** ggml.h, GGML_MAX_DIMS. */
const MAX_DIMENSIONS = 4;
const TEXT = 8;
const ARRAY = 9;
/** Bytes of a value by its type: u8, i8, u16, i16, u32, i32, f32, bool, (text, array,) u64, i64, f64. */
const VALUE_BYTES: readonly (number | undefined)[] = [1, 1, 2, 2, 4, 4, 4, 1, undefined, undefined, 8, 8, 8];

/** What a file says of itself: short texts, whole numbers and float32. */
export type GgufMetadata = ReadonlyMap<string, string | number>;

export interface GgufHeader {
  readonly metadata: GgufMetadata;
  readonly tensorCount: number;
  /** Of the plaintext when the file is encrypted. */
  readonly sizeBytes: number;
  readonly isEncrypted: boolean;
}

/** One tensor as the header describes it. */
export interface GgufTensor {
  readonly name: string;
  /** The fastest axis first. */
  readonly shape: readonly number[];
  /** ggml_type. */
  readonly type: number;
  /** Where its bytes begin in the file. */
  readonly offsetBytes: number;
}

/** A header with every tensor in it. */
export interface GgufContents {
  readonly metadata: GgufMetadata;
  readonly tensors: readonly GgufTensor[];
}

/**
 * Reads the header of a GGUF file (github.com/ggml-org/ggml/blob/master/docs/gguf.md) and checks that every tensor
 * lies inside the file. Throws an Error that says what is wrong with it. `sealed` opens encrypted ones.
 *
 * Our own reader, since @huggingface/gguf makes an object of every token: 1.6 s for a vocabulary of 152,000, half a
 * second of it in one piece on the event loop. This one skips what nobody asks for; a test compares the two.
 */
export async function readGgufHeader(
  path: string,
  fileBytes: number,
  sealed: SealedFiles | null = null,
): Promise<GgufHeader> {
  return withTimeout(openAndRead(path, (file) => unsealed(file, fileBytes, sealed, readHeader)));
}

async function readHeader(file: RandomAccess, sizeBytes: number, isEncrypted: boolean): Promise<GgufHeader> {
  return { ...(await readGgufHeaderFrom(file, sizeBytes)), sizeBytes, isEncrypted };
}

/** `read` gets the plaintext of a container, and a file that is none as it is. */
async function unsealed<T>(
  file: ReadableFile,
  fileBytes: number,
  sealed: SealedFiles | null,
  read: (file: RandomAccess, sizeBytes: number, isEncrypted: boolean) => Promise<T>,
): Promise<T> {
  const plaintext = (await sealed?.open(file, fileBytes)) ?? null;
  try {
    return await read(randomAccess(plaintext ?? file), plaintext?.sizeBytes ?? fileBytes, plaintext !== null);
  } finally {
    plaintext?.close();
  }
}

/** Of plaintext that lies anywhere; the caller sees to it that reading ends in time. */
export async function readGgufHeaderFrom(
  file: RandomAccess,
  sizeBytes: number,
): Promise<Pick<GgufHeader, 'metadata' | 'tensorCount'>> {
  const cursor = new FileCursor(file, sizeBytes);
  const { metadata, tensorCount } = await readMetadata(cursor, sizeBytes);
  await readTensors(cursor, tensorCount, alignmentOf(metadata), sizeBytes);
  return { metadata, tensorCount };
}

/** A whole header with its tensors, whose names must differ. */
export async function readGgufContents(
  path: string,
  fileBytes: number,
  sealed: SealedFiles | null = null,
): Promise<GgufContents> {
  return withTimeout(openAndRead(path, (file) => unsealed(file, fileBytes, sealed, readGguf)));
}

/** The same of a file that is open, without a limit of time. */
export async function readGguf(file: RandomAccess, sizeBytes: number): Promise<GgufContents> {
  const cursor = new FileCursor(file, sizeBytes);
  const { metadata, tensorCount } = await readMetadata(cursor, sizeBytes);
  const tensors = new Map<string, GgufTensor>();
  const dataStart = await readTensors(cursor, tensorCount, alignmentOf(metadata), sizeBytes, (tensor) => {
    if (tensors.has(tensor.name)) throw new Error(`tensor ${JSON.stringify(tensor.name)} comes twice`);
    tensors.set(tensor.name, tensor);
  });
  const placed = [...tensors.values()].map((tensor) => ({
    ...tensor,
    offsetBytes: dataStart + tensor.offsetBytes,
  }));
  return { metadata, tensors: placed };
}

/** What a cursor reads, of what reads like Node's FileHandle. */
export function randomAccess(file: ReadableFile): RandomAccess {
  return {
    read: async (target, position) => (await file.read(target, 0, target.length, position)).bytesRead,
  };
}

async function openAndRead<T>(path: string, read: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, 'r');
  try {
    return await read(file);
  } finally {
    await file.close();
  }
}

async function readMetadata(
  cursor: FileCursor,
  sizeBytes: number,
): Promise<{ readonly metadata: GgufMetadata; readonly tensorCount: number }> {
  if (sizeBytes < 24 || (await cursor.text(4)) !== 'GGUF') {
    throw new Error('not a GGUF file: expected it to start with "GGUF"');
  }
  const version = await cursor.uint32();
  if (version !== 2 && version !== 3) throw new Error(`expected GGUF version 2 or 3, got ${version}`);
  const tensorCount = await cursor.size();
  const entries = await cursor.size();
  const metadata = new Map<string, string | number>();
  for (let index = 0; index < entries; index++) {
    const key = await readText(cursor);
    const value = await readValue(cursor, await cursor.uint32(), 0);
    if (key !== undefined && value !== undefined) metadata.set(key, value);
  }
  return { metadata, tensorCount };
}

function alignmentOf(metadata: GgufMetadata): number {
  return Number(metadata.get('general.alignment') ?? 32);
}

/** undefined for what is not kept. */
async function readValue(
  cursor: FileCursor,
  type: number,
  depth: number,
): Promise<string | number | undefined> {
  if (type === TEXT) return readText(cursor);
  if (type === ARRAY) return skipArray(cursor, depth);
  if (type === 2) return cursor.uint16();
  if (type === 4) return cursor.uint32();
  if (type === 5) return cursor.int32();
  if (type === 6) return cursor.float32();
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

/**
 * Goes through the tensors, checks that the file holds their data and returns where that begins. `found` is given each
 * with its offset from there.
 */
async function readTensors(
  cursor: FileCursor,
  count: number,
  alignment: number,
  sizeBytes: number,
  found?: (tensor: GgufTensor) => void,
): Promise<number> {
  let dataEndBytes = 0;
  for (let index = 0; index < count; index++) {
    const name = found ? await readName(cursor) : '';
    if (!found) cursor.skip(await cursor.size());
    const shape = await readShape(cursor);
    const type = await cursor.uint32();
    const offsetBytes = await cursor.size();
    dataEndBytes = Math.max(dataEndBytes, offsetBytes + tensorBytes(type, shape));
    found?.({ name, shape: shape.map(Number), type, offsetBytes });
  }
  if (count === 0) return cursor.position;
  if (!Number.isSafeInteger(alignment) || alignment < 1) {
    throw new Error(`expected a positive general.alignment, got ${alignment}`);
  }
  const dataStartBytes = Math.ceil(cursor.position / alignment) * alignment;
  const neededBytes = dataStartBytes + dataEndBytes;
  if (neededBytes > sizeBytes) {
    throw new Error(`the file is truncated: expected at least ${neededBytes} bytes, got ${sizeBytes}`);
  }
  return dataStartBytes;
}

async function readName(cursor: FileCursor): Promise<string> {
  const length = await cursor.size();
  if (length > MAX_NAME_BYTES) {
    throw new Error(`expected tensor names of at most ${MAX_NAME_BYTES} bytes, got ${length}`);
  }
  return cursor.text(length);
}

async function readShape(cursor: FileCursor): Promise<bigint[]> {
  const dimensions = await cursor.uint32();
  if (dimensions > MAX_DIMENSIONS) {
    throw new Error(`expected tensors of at most ${MAX_DIMENSIONS} dimensions, got ${dimensions}`);
  }
  const shape: bigint[] = [];
  for (let axis = 0; axis < dimensions; axis++) shape.push(await cursor.uint64());
  return shape;
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

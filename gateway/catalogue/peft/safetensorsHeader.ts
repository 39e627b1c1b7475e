import type { FileHandle } from 'node:fs/promises';
import { HeaderText, quote } from './headerText.ts';

/** Some 100,000 tensors; the format allows 100 MB, which nobody needs for an adapter. */
const MAX_HEADER_BYTES = 16 * 2 ** 20;
const MAX_DIMENSIONS = 8;
const LENGTH_BYTES = 8;

/** Bytes of an element by its type, as safetensors 0.5 writes them. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  ...{ BOOL: 1, U8: 1, I8: 1, F8_E5M2: 1, F8_E4M3: 1 },
  ...{ I16: 2, U16: 2, F16: 2, BF16: 2 },
  ...{ I32: 4, U32: 4, F32: 4 },
  ...{ I64: 8, U64: 8, F64: 8 },
};

/** One tensor of a safetensors file. */
export interface SafetensorsEntry {
  readonly name: string;
  /** As the file writes it: `F32`, `BF16`. */
  readonly dtype: string;
  /** The slowest axis first. */
  readonly shape: readonly number[];
  /** Where its bytes begin in the file. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/**
 * Reads the header of a safetensors file (github.com/huggingface/safetensors, "Format") of `fileBytes` bytes and checks
 * that its tensors fill the rest of the file without gap or overlap. Throws an Error that says what is wrong with it.
 */
export async function readSafetensorsHeader(
  file: FileHandle,
  fileBytes: number,
): Promise<SafetensorsEntry[]> {
  const lengthBytes = await readExactly(file, 0, Math.min(LENGTH_BYTES, fileBytes));
  const header = headerBytes(lengthBytes, fileBytes);
  return parseHeader(await readExactly(file, LENGTH_BYTES, header), LENGTH_BYTES + header, fileBytes);
}

/** The same from a whole file's bytes. */
export function parseSafetensors(bytes: Buffer): SafetensorsEntry[] {
  const header = headerBytes(bytes.subarray(0, LENGTH_BYTES), bytes.length);
  const dataStart = LENGTH_BYTES + header;
  return parseHeader(bytes.subarray(LENGTH_BYTES, dataStart), dataStart, bytes.length);
}

function headerBytes(length: Buffer, fileBytes: number): number {
  if (length.length < LENGTH_BYTES) {
    throw new Error(`not a safetensors file: expected at least ${LENGTH_BYTES} bytes, got ${fileBytes}`);
  }
  const bytes = length.readBigUInt64LE();
  if (bytes > BigInt(MAX_HEADER_BYTES)) {
    throw new Error(`expected a header of at most ${MAX_HEADER_BYTES} bytes, got ${bytes}`);
  }
  const needed = LENGTH_BYTES + Number(bytes);
  if (needed > fileBytes) {
    throw new Error(`the file is truncated: expected at least ${needed} bytes, got ${fileBytes}`);
  }
  return Number(bytes);
}

async function readExactly(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  if (bytesRead < length) {
    throw new Error(
      `the file is truncated: expected ${position + length} bytes, got ${position + bytesRead}`,
    );
  }
  return bytes;
}

function parseHeader(header: Buffer, dataStart: number, fileBytes: number): SafetensorsEntry[] {
  const text = new HeaderText(utf8(header));
  const entries: SafetensorsEntry[] = [];
  text.object((name) => {
    if (name === '__metadata__') text.object(() => text.string());
    else entries.push(readEntry(text, name, dataStart));
  });
  text.end();
  checkLayout(entries, dataStart, fileBytes);
  return entries;
}

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error('expected a header in UTF-8');
  }
}

function readEntry(text: HeaderText, name: string, dataStart: number): SafetensorsEntry {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  text.object((field) => {
    if (field === 'dtype') dtype = text.string();
    else if (field === 'shape') shape = text.numbers(MAX_DIMENSIONS);
    else if (field === 'data_offsets') offsets = text.numbers(2);
    else
      throw new Error(`expected dtype, shape and data_offsets of tensor ${quote(name)}, got ${quote(field)}`);
  });
  const [begin, end] = offsets ?? [];
  if (dtype === undefined || shape === undefined || begin === undefined || end === undefined) {
    throw new Error(`expected dtype, shape and two data_offsets of tensor ${quote(name)}`);
  }
  const sizeBytes = shapeBytes(name, dtype, shape);
  if (end - begin !== sizeBytes) {
    throw new Error(`expected ${sizeBytes} bytes of tensor ${quote(name)}, got ${end - begin}`);
  }
  return { name, dtype, shape, offsetBytes: dataStart + begin, sizeBytes };
}

function shapeBytes(name: string, dtype: string, shape: readonly number[]): number {
  const element = Object.hasOwn(ELEMENT_BYTES, dtype) ? ELEMENT_BYTES[dtype] : undefined;
  if (element === undefined)
    throw new Error(`expected a known dtype of tensor ${quote(name)}, got ${quote(dtype)}`);
  const bytes = shape.reduce((product, length) => product * length, element);
  // A shape with a zero may multiply past what a number holds on its way: infinity times nought.
  if (!Number.isSafeInteger(bytes)) throw new Error(`the shape of tensor ${quote(name)} is beyond counting`);
  return bytes;
}

/** "The byte buffer needs to be entirely indexed, and cannot contain holes." */
function checkLayout(entries: readonly SafetensorsEntry[], dataStart: number, fileBytes: number): void {
  let end = dataStart;
  for (const { name, offsetBytes, sizeBytes } of [...entries].sort(byPlace)) {
    if (offsetBytes !== end) {
      throw new Error(
        `expected tensor ${quote(name)} to begin at byte ${end - dataStart}, got ${offsetBytes - dataStart}`,
      );
    }
    end += sizeBytes;
  }
  if (end !== fileBytes) throw new Error(`expected a file of ${end} bytes, got ${fileBytes}`);
}

function byPlace(a: SafetensorsEntry, b: SafetensorsEntry): number {
  return a.offsetBytes - b.offsetBytes || a.sizeBytes - b.sizeBytes;
}

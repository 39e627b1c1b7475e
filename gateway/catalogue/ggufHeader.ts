import { open } from 'node:fs/promises';
import { gguf } from '@huggingface/gguf';
import { tensorBytes } from './tensorBytes.ts';

/** Longest reading of one file's header; a hung network file system must not hold the catalogue. */
const READ_TIMEOUT_MS = 30_000;
/** Bytes of the shortest metadata entry and tensor entry; counts beyond them are garbage, not worth an allocation. */
const LEAST_ENTRY_BYTES = 13n;
const LEAST_TENSOR_BYTES = 24n;

/** What the header of a GGUF file says (github.com/ggml-org/ggml/blob/master/docs/gguf.md). */
export interface GgufHeader {
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Where the last tensor ends: the least size of a whole file. */
  readonly dataEndBytes: number;
}

/** Reads a local file's header. Throws an Error that says what is wrong with the file. */
export async function readGgufHeader(path: string, sizeBytes: number): Promise<GgufHeader> {
  await checkCounts(path, sizeBytes);
  const parsed = await withTimeout(gguf(path, { allowLocalFile: true }));
  const dataStartBytes = Number(parsed.tensorDataOffset);
  let dataEndBytes = parsed.tensorInfos.length > 0 ? dataStartBytes : 0;
  for (const { dtype, shape, offset } of parsed.tensorInfos) {
    dataEndBytes = Math.max(dataEndBytes, dataStartBytes + Number(offset) + tensorBytes(dtype, shape));
  }
  if (parsed.tensorInfoByteRange[1] > sizeBytes || dataEndBytes > sizeBytes) {
    throw new Error(`the file is truncated: expected at least ${dataEndBytes} bytes, got ${sizeBytes}`);
  }
  return { metadata: { ...parsed.metadata }, dataEndBytes };
}

/** The library bounds counts by constants; here the file's own size bounds them before it is asked. */
async function checkCounts(path: string, sizeBytes: number): Promise<void> {
  const head = Buffer.alloc(24);
  const file = await open(path, 'r');
  try {
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    if (bytesRead < head.length || head.toString('latin1', 0, 4) !== 'GGUF') {
      throw new Error('not a GGUF file: expected it to start with "GGUF"');
    }
  } finally {
    await file.close();
  }
  const version = head.readUInt32LE(4);
  if (version !== 2 && version !== 3) throw new Error(`expected GGUF version 2 or 3, got ${version}`);
  const least = head.readBigUInt64LE(8) * LEAST_TENSOR_BYTES + head.readBigUInt64LE(16) * LEAST_ENTRY_BYTES;
  if (least > BigInt(sizeBytes)) {
    throw new Error(
      `the file is truncated: its header alone takes at least ${least} bytes, got ${sizeBytes}`,
    );
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

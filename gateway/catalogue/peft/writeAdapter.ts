import { randomBytes } from 'node:crypto';
import { chmod, type FileHandle, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { GgufLayout } from './ggufAdapter.ts';
import { ELEMENT_BYTES, toHalves } from './halfFloats.ts';
import type { LoraPlan, PlannedTensor } from './loraPlan.ts';

const CHUNK_BYTES = 4 * 2 ** 20;
/** A head whose rows change places is held whole. */
const MAX_HEAD_BYTES = 64 * 2 ** 20;

/** Whether the file was made before: its size, and all of its header, which follows from the plan. */
export async function isThere(path: string, { head, totalBytes }: GgufLayout): Promise<boolean> {
  const size = await stat(path).then(
    (stats) => stats.size,
    () => -1,
  );
  if (size !== totalBytes) return false;
  const file = await open(path, 'r');
  try {
    const found = Buffer.alloc(head.length);
    await file.read(found, 0, head.length, 0);
    return found.equals(head);
  } finally {
    await file.close();
  }
}

/** Writes the file beside its place and moves it there: readers find all of it or nothing. `handles` are the inputs. */
export async function writeAdapter(
  path: string,
  plan: LoraPlan,
  layout: GgufLayout,
  handles: readonly FileHandle[],
  progress: () => void,
): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const output = await open(draft, 'wx', 0o600);
  try {
    try {
      await writeTensors(plan, layout, handles, output, progress);
      await output.sync();
    } finally {
      await output.close();
    }
    await chmod(draft, 0o400);
    await rename(draft, path);
  } catch (error) {
    await unlink(draft).catch(() => {});
    throw error;
  }
  const folder = await open(directory, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function writeTensors(
  plan: LoraPlan,
  layout: GgufLayout,
  handles: readonly FileHandle[],
  output: FileHandle,
  progress: () => void,
): Promise<void> {
  await output.write(layout.head, 0, layout.head.length, 0);
  for (const [index, tensor] of plan.tensors.entries()) {
    const input = handles[tensor.file];
    const offset = layout.offsetsBytes[index];
    if (!input || offset === undefined) throw new Error(`no place for tensor "${tensor.name}"`);
    await writeTensor(tensor, input, output, offset, progress);
  }
  // The last tensor's padding.
  await output.truncate(layout.totalBytes);
}

/** In steps of whole rows, and of whole heads where rows change places. */
async function writeTensor(
  tensor: PlannedTensor,
  input: FileHandle,
  output: FileHandle,
  offsetBytes: number,
  progress: () => void,
): Promise<void> {
  const { name, rows, columns, elements, headRows } = tensor;
  const rowBytes = columns * ELEMENT_BYTES[elements];
  const unitRows = headRows ?? 1;
  if (unitRows * rowBytes > MAX_HEAD_BYTES) {
    throw new Error(
      `expected rows of "${name}" of at most ${MAX_HEAD_BYTES} bytes, got ${unitRows * rowBytes}`,
    );
  }
  const stepRows = Math.max(1, Math.floor(CHUNK_BYTES / (unitRows * rowBytes))) * unitRows;
  for (let row = 0; row < rows; row += stepRows) {
    const count = Math.min(stepRows, rows - row);
    const source = Buffer.alloc(count * rowBytes);
    const { bytesRead } = await input.read(source, 0, source.length, tensor.offsetBytes + row * rowBytes);
    if (bytesRead < source.length) throw new Error(`the numbers of "${name}" are cut off`);
    const halves = new Uint16Array(count * columns);
    const bad = toHalves(source, elements, tensor.factor, halves);
    if (bad >= 0) {
      throw new Error(
        `expected finite float16 numbers in "${name}", got another in row ${row + Math.floor(bad / columns)}`,
      );
    }
    const turned = headRows === null ? halves : turnHeads(halves, columns, headRows);
    await output.write(littleEndian(turned), 0, turned.byteLength, offsetBytes + row * columns * 2);
    progress();
  }
}

/**
 * Rows of each head from halves one after the other to halves interleaved: row i of the first half, row i of the
 * second, row i + 1 of the first.
 */
function turnHeads(halves: Uint16Array, columns: number, headRows: number): Uint16Array {
  const turned = new Uint16Array(halves.length);
  const headElements = headRows * columns;
  for (let head = 0; head < halves.length; head += headElements) {
    for (let row = 0; row < headRows; row++) {
      const from = head + ((row % 2) * (headRows / 2) + Math.floor(row / 2)) * columns;
      turned.set(halves.subarray(from, from + columns), head + row * columns);
    }
  }
  return turned;
}

/** Hearth runs on Linux x64 alone, whose numbers lie as GGUF's do. */
function littleEndian(halves: Uint16Array): Uint8Array {
  return new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength);
}

import { createHash, type Hash, randomBytes } from 'node:crypto';
import { chmod, type FileHandle, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAdapterConfig } from './adapterConfig.ts';
import { readBaseWeights } from './baseWeights.ts';
import { type GgufLayout, layOutAdapter } from './ggufAdapter.ts';
import { ELEMENT_BYTES, toHalves } from './halfFloats.ts';
import {
  type BaseWeights,
  type LoraPlan,
  type PlannedTensor,
  planLora,
  type SourceMatrix,
} from './loraPlan.ts';
import { findPeftFiles, identityOfFiles, type PeftFiles, readJsonFile } from './peftFiles.ts';
import { readSafetensorsHeader } from './safetensorsHeader.ts';

/** Counts up when the same input makes another file. */
export const CONVERTER_VERSION = 1;

const CHUNK_BYTES = 4 * 2 ** 20;
/** A head whose rows change places is held whole. */
const MAX_HEAD_BYTES = 64 * 2 ** 20;

export interface ConvertJob {
  /** The PEFT directory. */
  readonly directory: string;
  /** The GGUF file of the base that it is for. */
  readonly basePath: string;
  /** Where the file goes; made when it is not there. */
  readonly outputDir: string;
}

export interface Conversion {
  readonly path: string;
  /** SHA-256 of all that the file is made from: the inputs, what of the base counts, the converter's version. */
  readonly digest: string;
  /** false: it was there already. */
  readonly isNew: boolean;
}

/**
 * Makes `<outputDir>/<digest>.gguf` out of a PEFT directory, whole or not at all. Memory is bounded by a few MiB beside
 * the header. `progress` is called now and then while it works. Throws an Error that says what is wrong.
 */
export async function convertPeft(job: ConvertJob, progress: () => void = () => {}): Promise<Conversion> {
  const files = await findPeftFiles(job.directory);
  const base = await readBaseWeights(job.basePath);
  progress();
  const handles: FileHandle[] = [];
  try {
    for (const { path } of files.weights) handles.push(await open(path, 'r'));
    const configText = await readJsonFile(files.config);
    const plan = planLora(parseAdapterConfig(configText), await readMatrices(files, handles), base);
    const digest = await digestOf(files, handles, configText, base, progress);
    const layout = layOutAdapter(plan);
    const path = join(job.outputDir, `${digest}.gguf`);
    const isNew = !(await isThere(path, layout));
    if (isNew) await writeWhole(path, (output) => writeTensors(plan, layout, handles, output, progress));
    const after = await findPeftFiles(job.directory);
    if (identityOfFiles(after) !== identityOfFiles(files)) throw new Error('it changed while it was read');
    return { path, digest, isNew };
  } finally {
    for (const handle of handles) await handle.close();
  }
}

async function readMatrices(files: PeftFiles, handles: readonly FileHandle[]): Promise<SourceMatrix[]> {
  const matrices: SourceMatrix[] = [];
  for (const [file, handle] of handles.entries()) {
    const sizeBytes = Number(files.weights[file]?.stats.size);
    for (const entry of await readSafetensorsHeader(handle, sizeBytes)) matrices.push({ ...entry, file });
  }
  return matrices;
}

async function digestOf(
  files: PeftFiles,
  handles: readonly FileHandle[],
  configText: string,
  base: BaseWeights,
  progress: () => void,
): Promise<string> {
  const { architecture, headCount, kvHeadCount } = base;
  const hash = createHash('sha256');
  hash.update(
    JSON.stringify([CONVERTER_VERSION, architecture, headCount ?? 0, kvHeadCount ?? 0, configText]),
  );
  for (const [file, handle] of handles.entries()) {
    hash.update(`\n${files.weights[file]?.stats.size}\n`);
    await hashFile(handle, hash, progress);
  }
  return hash.digest('hex');
}

async function hashFile(handle: FileHandle, hash: Hash, progress: () => void): Promise<void> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = 0; ; ) {
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, position);
    if (bytesRead === 0) return;
    hash.update(chunk.subarray(0, bytesRead));
    position += bytesRead;
    progress();
  }
}

/** Whether the file was made before: its size, and all of its header, which follows from the plan. */
async function isThere(path: string, { head, totalBytes }: GgufLayout): Promise<boolean> {
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

/** Readers find the finished file under its name, or none. */
async function writeWhole(path: string, write: (output: FileHandle) => Promise<void>): Promise<void> {
  const directory = join(path, '..');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const output = await open(draft, 'wx', 0o600);
  try {
    try {
      await write(output);
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
  await folder.sync().finally(() => folder.close());
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
export function turnHeads(halves: Uint16Array, columns: number, headRows: number): Uint16Array {
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

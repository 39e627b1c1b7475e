import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAdapterConfig } from './adapterConfig.ts';
import { readBaseWeights } from './baseWeights.ts';
import { layOutAdapter } from './ggufAdapter.ts';
import { type BaseWeights, planLora, type SourceMatrix } from './loraPlan.ts';
import { findPeftFiles, identityOfFiles, type PeftFiles, readJsonFile } from './peftFiles.ts';
import { readSafetensorsHeader } from './safetensorsHeader.ts';
import { isThere, writeAdapter } from './writeAdapter.ts';

/** Counts up when the same input makes another file. */
export const CONVERTER_VERSION = 1;

const CHUNK_BYTES = 4 * 2 ** 20;

export interface ConvertJob {
  /** The PEFT directory. */
  readonly directory: string;
  /** The GGUF file of the base that it is for, or what was read of one that is encrypted: keys stay where they are. */
  readonly base: string | BaseWeights;
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
  const base = typeof job.base === 'string' ? await readBaseWeights(job.base) : job.base;
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
    if (isNew) await writeAdapter(path, plan, layout, handles, progress);
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

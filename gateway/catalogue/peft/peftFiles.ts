import type { BigIntStats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { quote } from './headerText.ts';

export const CONFIG = 'adapter_config.json';
export const WEIGHTS = 'adapter_model.safetensors';
export const INDEX = 'adapter_model.safetensors.index.json';
const PICKLE = 'adapter_model.bin';
export const MAX_JSON_BYTES = 2 ** 20;
const MAX_SHARDS = 1024;
/** A file of the same folder, nothing that leads out of it. */
const SHARD_NAME = /^[\w][\w.-]*\.safetensors$/;

/** One input file and what it was when it was looked at. */
export interface InputFile {
  readonly path: string;
  readonly stats: BigIntStats;
}

/** The files that a PEFT directory's adapter is made of, in an order that only depends on their names. */
export interface PeftFiles {
  readonly config: InputFile;
  /** One, or the shards that an index names. */
  readonly weights: readonly InputFile[];
}

/** Throws an Error that names the file that is missing or cannot be used. */
export async function findPeftFiles(directory: string): Promise<PeftFiles> {
  const config = await lookAt(directory, CONFIG);
  const names = await weightNames(directory);
  const weights: InputFile[] = [];
  for (const name of names) weights.push(await lookAt(directory, name));
  return { config, weights };
}

/** The text of one of the small files. */
export async function readJsonFile({ path, stats }: InputFile): Promise<string> {
  if (stats.size > MAX_JSON_BYTES) {
    throw new Error(`expected "${path}" of at most ${MAX_JSON_BYTES} bytes, got ${stats.size}`);
  }
  return readFile(path, 'utf8');
}

/** Tells one state of the files from any other without reading them. */
export function identityOfFiles({ config, weights }: PeftFiles): string {
  return [config, ...weights]
    .map(({ stats }) => `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`)
    .join('\n');
}

async function weightNames(directory: string): Promise<string[]> {
  if (await isThere(directory, WEIGHTS)) return [WEIGHTS];
  if (await isThere(directory, INDEX)) return shardNames(await readJsonFile(await lookAt(directory, INDEX)));
  const other = (await isThere(directory, PICKLE))
    ? `, got ${PICKLE}, which can run code when it is read`
    : '';
  throw new Error(`expected ${WEIGHTS} or ${INDEX} in it${other}`);
}

/** The files that Hugging Face's index of shards names. Throws when it is none: `{"weight_map": {"<tensor>": "<file>"}}`. */
export function shardNames(text: string): string[] {
  let index: unknown;
  try {
    index = JSON.parse(text);
  } catch {
    throw new Error(`${INDEX} is no JSON`);
  }
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== 'object' || map === null) throw new Error(`${INDEX}: expected an object "weight_map"`);
  const names = [...new Set(Object.values(map))].map((name) => {
    if (typeof name === 'string' && SHARD_NAME.test(name)) return name;
    throw new Error(`${INDEX}: expected names of .safetensors files beside it, got ${quote(String(name))}`);
  });
  if (names.length === 0 || names.length > MAX_SHARDS) {
    throw new Error(`${INDEX}: expected 1 to ${MAX_SHARDS} files, got ${names.length}`);
  }
  return names.sort();
}

async function isThere(directory: string, name: string): Promise<boolean> {
  return stat(join(directory, name)).then(
    () => true,
    () => false,
  );
}

async function lookAt(directory: string, name: string): Promise<InputFile> {
  const path = join(directory, name);
  let stats: BigIntStats;
  try {
    stats = await stat(path, { bigint: true });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new Error(code === 'ENOENT' ? `there is no ${name} in it` : `cannot read ${name}: ${code}`, {
      cause: error,
    });
  }
  if (!stats.isFile()) throw new Error(`expected ${name} to be a file`);
  return { path, stats };
}

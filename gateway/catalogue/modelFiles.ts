import type { BigIntStats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isLaterPart, partsOf } from '../domain/splitFiles.ts';

/** A file with what tells its version. */
export interface PlacedFile {
  readonly path: string;
  readonly stats: BigIntStats;
}

/** What belongs to one path of the catalogue. */
export interface ModelFileSet {
  /** The GGUF file, or all files of a split one. */
  readonly parts: readonly PlacedFile[];
  /** Of a directory its name there, of a split one that of the first; undefined: the path is the file's. */
  readonly file: string | undefined;
  /** Everything else in the directory. */
  readonly others: readonly PlacedFile[];
}

/** As native/core/store/source.cc has them. */
const MOST_FILES = 10_000;
const MOST_DEPTH = 16;

/** Looks for the files; throws an Error, with a code when the system says so, that says what is wrong. */
export async function findModelFiles(path: string): Promise<ModelFileSet> {
  const stats = await stat(path, { bigint: true });
  if (!stats.isDirectory()) return { parts: await placeParts(path), file: undefined, others: [] };
  const names = await namesBelow(path, await allowedTargets(path));
  const file = onlyGguf(names);
  const parts = await placeParts(join(path, file));
  const weights = new Set(parts.map((part) => part.path));
  const others: PlacedFile[] = [];
  for (const name of names) {
    const other = join(path, name);
    if (!weights.has(other)) others.push(await place(other));
  }
  return { parts, file, others };
}

async function placeParts(path: string): Promise<PlacedFile[]> {
  const paths = partsOf(path);
  const parts: PlacedFile[] = [];
  for (const [index, part] of paths.entries()) {
    try {
      parts.push(await place(part));
    } catch (error) {
      if (paths.length === 1) throw error;
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      const why = isMissing ? 'there is no such file' : (error as Error).message;
      throw new Error(`its part ${index + 1} of ${paths.length}, "${basename(part)}": ${why}`, {
        cause: error,
      });
    }
  }
  return parts;
}

async function place(path: string): Promise<PlacedFile> {
  const stats = await stat(path, { bigint: true });
  if (!stats.isFile())
    throw new Error(`expected a file, got ${stats.isDirectory() ? 'a directory' : 'no file'}`);
  return { path, stats };
}

/** The one model that a directory is taken for; files of adapters and projectors have directories of their own. */
function onlyGguf(names: readonly string[]): string {
  const models = names.filter((name) => /^[^/]+\.gguf(\.hearth)?$/.test(name) && !isLaterPart(name));
  const [only] = models;
  if (only !== undefined && models.length === 1) return only;
  const got = only === undefined ? 'none' : models.map((name) => `"${name}"`).join(', ');
  throw new Error(`expected one GGUF model in the directory, got ${got}`);
}

/** Where a link may lead: below the directory, and to where the hub's cache keeps the files of a snapshot. */
async function allowedTargets(directory: string): Promise<string[]> {
  const real = await realpath(directory);
  const above = dirname(real);
  return basename(above) === 'snapshots' ? [real, join(dirname(above), 'blobs')] : [real];
}

/** Files with their names from `directory`, sorted; as the weight store takes them, without hidden folders. */
async function namesBelow(
  directory: string,
  targets: readonly string[],
  prefix = '',
  depth = 0,
): Promise<string[]> {
  if (depth > MOST_DEPTH) throw new Error(`expected at most ${MOST_DEPTH} directories within one another`);
  const names: string[] = [];
  for (const entry of await readdir(join(directory, prefix), { withFileTypes: true })) {
    const name = `${prefix}${entry.name}`;
    if (entry.isSymbolicLink()) await requireWithin(join(directory, name), targets);
    if (!entry.isDirectory()) names.push(name);
    else if (!entry.name.startsWith('.'))
      names.push(...(await namesBelow(directory, targets, `${name}/`, depth + 1)));
    if (names.length > MOST_FILES) throw new Error(`expected at most ${MOST_FILES} files`);
  }
  return names.toSorted();
}

async function requireWithin(link: string, targets: readonly string[]): Promise<void> {
  const target = await realpath(link);
  if (targets.some((folder) => target.startsWith(`${folder}/`))) return;
  throw new Error(`expected links that stay within the directory, got "${basename(link)}"`);
}

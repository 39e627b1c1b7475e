import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandFailure } from './commandFailure.ts';

/** What a container in a folder ends with; the rest of its name is the file's. */
export const CONTAINER_SUFFIX = '.hearth';

export type Direction = 'encrypt' | 'decrypt';

/** One file's way, relative to the input and to the output folder. */
export interface Step {
  readonly input: string;
  readonly output: string;
  /** Of the input. */
  readonly bytes: number;
}

/** What is to be done: one file, or the files of a folder. */
export type Plan =
  | { readonly kind: 'file'; readonly bytes: number }
  | { readonly kind: 'folder'; readonly steps: readonly Step[] };

/** Looks at input and output before anything is made. Throws a CommandFailure. */
export async function makePlan(direction: Direction, input: string, output: string): Promise<Plan> {
  const stats = await stat(input).catch(() => null);
  const refuse = (words: string) => new CommandFailure(`Cannot ${direction} "${input}": ${words}`);
  if (stats === null) throw refuse('there is no such file or folder');
  if ((await lstat(output).catch(() => null)) !== null)
    throw refuse(`expected nothing at "${output}" against a file or folder`);
  if (!stats.isDirectory()) return { kind: 'file', bytes: stats.size };
  const steps: Step[] = [];
  for (const file of await filesBelow(input, '')) {
    const name = outputName(direction, file.path);
    if (name === null)
      throw refuse(`expected names that end with "${CONTAINER_SUFFIX}" against "${file.path}"`);
    steps.push({ input: file.path, output: name, bytes: file.bytes });
  }
  if (steps.length === 0) throw refuse('expected files in it against none');
  return { kind: 'folder', steps };
}

function outputName(direction: Direction, path: string): string | null {
  if (direction === 'encrypt') return `${path}${CONTAINER_SUFFIX}`;
  const name = path.slice(0, -CONTAINER_SUFFIX.length);
  return path.endsWith(CONTAINER_SUFFIX) && name !== '' && !name.endsWith('/') ? name : null;
}

/** Links to files count as the files: a Hugging Face snapshot is a folder of them. */
async function filesBelow(root: string, below: string): Promise<{ path: string; bytes: number }[]> {
  const found: { path: string; bytes: number }[] = [];
  const entries = await readdir(join(root, below), { withFileTypes: true });
  for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const path = join(below, entry.name);
    if (entry.isDirectory()) found.push(...(await filesBelow(root, path)));
    else {
      const stats = await stat(join(root, path)).catch(() => null);
      if (stats?.isFile() !== true)
        throw new CommandFailure(`Cannot use "${join(root, path)}": expected a file against something else`);
      found.push({ path, bytes: stats.size });
    }
  }
  return found;
}

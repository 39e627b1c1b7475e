import { readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PlaintextFacts } from './plaintextPlace.ts';

/**
 * Reads from /proc what judgePlaintextPlace() wants to know of a folder, which need not be there yet. What cannot be read
 * counts as the worst.
 */
export async function readPlaintextFacts(directory: string, proc = '/proc'): Promise<PlaintextFacts> {
  const [mounts, swaps, path] = await Promise.all([
    textOf(join(proc, 'self/mountinfo')),
    textOf(join(proc, 'swaps')),
    nearestRealPath(directory),
  ]);
  const mount = mountOf(mounts ?? '', path);
  return {
    fileSystem: mount?.fileSystem ?? null,
    noswap: mount?.options.includes('noswap') ?? false,
    swapAreas: swaps === null ? null : swapAreasOf(swaps),
  };
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return null;
  }
}

/** Of the folder, or of the nearest one above it that is there: it will be made on the same file system. */
async function nearestRealPath(directory: string): Promise<string> {
  try {
    return await realpath(directory);
  } catch {
    const parent = dirname(directory);
    return parent === directory ? directory : nearestRealPath(parent);
  }
}

interface Mount {
  readonly fileSystem: string;
  readonly options: readonly string[];
}

/**
 * The mount that a path lies on: the deepest one above it, the last of several on one another. proc_pid_mountinfo(5): fields
 * 5 and 6 are mount point and options; after a lone dash come file system, source and the options of the file system.
 */
function mountOf(mountinfo: string, path: string): Mount | null {
  let best: Mount | null = null;
  let bestLength = 0;
  for (const line of mountinfo.split('\n')) {
    const [front = '', back = ''] = line.split(' - ');
    const fields = front.split(' ');
    const point = unescaped(fields[4] ?? '');
    const isAbove = point === '/' || path === point || path.startsWith(`${point}/`);
    if (point === '' || !isAbove || point.length < bestLength) continue;
    const [fileSystem = '', , superOptions = ''] = back.split(' ');
    best = { fileSystem, options: [...(fields[5] ?? '').split(','), ...superOptions.split(',')] };
    bestLength = point.length;
  }
  return best;
}

/** Blanks, tabs, newlines and backslashes are written as octal. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_all, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** The first line has the headings. */
function swapAreasOf(swaps: string): string[] {
  const lines = swaps.split('\n').slice(1);
  return lines.filter((line) => line !== '').map((line) => unescaped(line.split(/\s/, 1)[0] ?? ''));
}

import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

const TAIL_BYTES = 4096;
const MAX_CHARACTERS = 600;

/** The last lines that a process wrote to its log, trimmed to what an operator can read at a glance; '' without any. */
export function lastWords(path: string): string {
  return wordsOf(lastLines(path));
}

/** From now on: the function that comes back gives the last lines that were written since, trimmed likewise. */
export function overhear(path: string): () => string {
  const fromByte = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return () => wordsOf(lastLines(path, fromByte));
}

/** The last of them. */
export function lastLine(path: string): string {
  return (lastLines(path).at(-1) ?? '').slice(-MAX_CHARACTERS);
}

function wordsOf(lines: readonly string[]): string {
  return lines.slice(-6).join(' | ').slice(-MAX_CHARACTERS);
}

function lastLines(path: string, fromByte = 0): string[] {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(fd);
    const buffer = Buffer.alloc(Math.max(0, Math.min(TAIL_BYTES, size - fromByte)));
    readSync(fd, buffer, 0, buffer.length, Math.max(0, size - buffer.length));
    return buffer
      .toString('utf8')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  } catch {
    return [];
  } finally {
    closeSync(fd);
  }
}

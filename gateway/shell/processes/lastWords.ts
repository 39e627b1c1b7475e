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
  return endOf(lastLines(path).at(-1) ?? '');
}

function wordsOf(lines: readonly string[]): string {
  return endOf(lines.slice(-6).join(' | '));
}

/** `…` stands where it was cut, which may be within a file's path (domain/filePaths.ts). */
function endOf(text: string): string {
  return text.length <= MAX_CHARACTERS ? text : `…${text.slice(1 - MAX_CHARACTERS)}`;
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
    const start = Math.max(0, size - buffer.length);
    readSync(fd, buffer, 0, buffer.length, start);
    const text = buffer.toString('utf8');
    return (start > fromByte ? `…${text}` : text)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && line !== '…');
  } catch {
    return [];
  } finally {
    closeSync(fd);
  }
}

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const TAIL_BYTES = 4096;
const MAX_CHARACTERS = 600;

/** The last lines that a process wrote to its log, trimmed to what an operator can read at a glance; '' without any. */
export function lastWords(path: string): string {
  return lastLines(path).slice(-6).join(' | ').slice(-MAX_CHARACTERS);
}

/** The last of them. */
export function lastLine(path: string): string {
  return (lastLines(path).at(-1) ?? '').slice(-MAX_CHARACTERS);
}

function lastLines(path: string): string[] {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(fd);
    const buffer = Buffer.alloc(Math.min(TAIL_BYTES, size));
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

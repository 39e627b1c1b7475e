import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const TAIL_BYTES = 4096;
const MAX_CHARACTERS = 600;

/** The last lines that a process wrote to its log, trimmed to what an operator can read at a glance; '' without any. */
export function lastWords(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = fstatSync(fd);
    const buffer = Buffer.alloc(Math.min(TAIL_BYTES, size));
    readSync(fd, buffer, 0, buffer.length, Math.max(0, size - buffer.length));
    const lines = buffer
      .toString('utf8')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
    return lines.slice(-6).join(' | ').slice(-MAX_CHARACTERS);
  } catch {
    return '';
  } finally {
    closeSync(fd);
  }
}

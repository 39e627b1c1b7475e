import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';

/** One clear sentence for why the database cannot be opened; the original stays as `cause`. */
export function openError(path: string, cause: unknown): Error {
  return new Error(`Cannot open database "${path}": ${reason(path, cause)}`, { cause });
}

function reason(path: string, cause: unknown): string {
  const code = codeOf(cause);
  if (code === 'SQLITE_NOTADB') return 'the file is not a SQLite database';
  if (code.startsWith('SQLITE_CORRUPT'))
    return 'the file is corrupt; restore it from a backup or move it away';
  if (code.startsWith('SQLITE_BUSY')) return 'another process is writing to it';
  if (!writable(dirname(path))) return `the directory "${dirname(path)}" is not there or not writable`;
  if (code.startsWith('SQLITE_READONLY') || code.startsWith('SQLITE_CANTOPEN')) {
    return 'the file is not readable and writable for this user';
  }
  return cause instanceof Error ? cause.message : String(cause);
}

/** drizzle wraps SQLite's errors, so the code may be one level down. */
export function codeOf(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') return at.code;
  }
  return 'UNKNOWN';
}

function writable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { ok } from '../domain/errors.ts';
import { type KeyResult, keyFailure } from './keyFailure.ts';

/** Longer than any form of a key. What is read is bounded, whatever the file is. */
export const MAX_KEY_SOURCE_BYTES = 4096;

/** Nobody but the owner, as OpenSSH has it of its keys. */
const OTHERS = 0o077;

/**
 * Reads a key file: a regular one that belongs to this user or root and that nobody else can read or write. A link is
 * followed. The caller wipes what it gets.
 */
export async function readKeyFile(path: string): Promise<KeyResult<Uint8Array>> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK a pipe that nobody writes to would hold us before it could be refused.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    return keyFailure('key_unavailable', `Cannot read key file "${path}": ${reasonOf(cause)}`);
  }
  try {
    const problem = problemOfKeyFile(await handle.stat(), process.getuid?.() ?? 0);
    if (problem !== null) return keyFailure(problem.code, `Cannot use key file "${path}": ${problem.words}`);
    const buffer = new Uint8Array(MAX_KEY_SOURCE_BYTES);
    const { bytesRead } = await handle.read(buffer, 0, MAX_KEY_SOURCE_BYTES, 0);
    return ok(buffer.subarray(0, bytesRead));
  } catch (cause) {
    return keyFailure('key_unavailable', `Cannot read key file "${path}": ${reasonOf(cause)}`);
  } finally {
    await handle.close();
  }
}

interface FileFacts {
  isFile(): boolean;
  readonly uid: number;
  readonly mode: number;
}

/** Why this user should not take a key from such a file, or null. */
export function problemOfKeyFile(
  stats: FileFacts,
  user: number,
): { readonly code: 'key_unavailable' | 'key_exposed'; readonly words: string } | null {
  if (!stats.isFile())
    return { code: 'key_unavailable', words: 'expected a regular file against something else' };
  if (stats.uid !== 0 && stats.uid !== user)
    return { code: 'key_exposed', words: `expected user ${user} or root as its owner against ${stats.uid}` };
  const mode = stats.mode & 0o777;
  if ((mode & OTHERS) === 0) return null;
  const written = `0${mode.toString(8).padStart(3, '0')}`;
  return {
    code: 'key_exposed',
    words: `expected a mode that gives others nothing, such as 0600, against ${written}`,
  };
}

function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'this user may not read it';
  return `the system says ${String(code)}`;
}

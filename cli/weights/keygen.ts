import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { WEIGHT_KEY_BYTES } from '../../gateway/encryption/weightKey.ts';
import { CommandFailure } from './commandFailure.ts';

/** A new master key, as 64 hexadecimal digits, in a new file that only its owner may read. Returns the line that says so. */
export async function keygen(path: string): Promise<string> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(newKeyText());
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    const words =
      code === 'EEXIST' ? 'expected nothing there against a file' : `the system says ${String(code)}`;
    throw new CommandFailure(`Cannot write key file "${path}": ${words}`);
  }
  return `made key file "${path}": keep a copy elsewhere, without it nothing can be decrypted`;
}

/** Ends with a newline. */
export function newKeyText(): string {
  return `${randomBytes(WEIGHT_KEY_BYTES).toString('hex')}\n`;
}

/** Containers as `hearth encrypt` makes them. */
import { randomBytes } from 'node:crypto';
import { loadCryptAddon } from '../../../native/loadCrypt.ts';
import { sourceFile } from './harness.ts';

/** The master key of these tests, and what containers call it. */
export const KEY = randomBytes(32);
export const KEY_NAME = 'main';

interface Seal {
  readonly key?: Uint8Array;
  readonly keyName?: string;
}

/** Puts the container `<path>.hearth` beside the file. */
export async function sealed(path: string, { key = KEY, keyName = KEY_NAME }: Seal = {}): Promise<string> {
  const output = `${path}.hearth`;
  await loadCryptAddon().encrypt({ input: path, output, key, keyName, threads: 1 }).done;
  return output;
}

/** A container of so many bytes by chance; it goes with the test. */
export function sealedFile(bytes: number, seal: Seal = {}): Promise<string> {
  return sealed(sourceFile(bytes), seal);
}

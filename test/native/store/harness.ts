/** Stores and sources in folders of their own, in memory and on a disk. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hash } from '@huggingface/blake3-jit';
import { afterEach } from 'vitest';
import { loadStoreAddon } from '../../../native/loadStore.ts';
import type { NativeStore, StagedSegment, StageOptions, StoreError } from '../../../native/storeTypes.ts';

export const MEMORY = '/dev/shm';
export const DISK = tmpdir();

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Goes with the test. */
export function folderIn(parent: string): string {
  const folder = mkdtempSync(join(parent, 'hearth-store-'));
  folders.push(folder);
  return folder;
}

export function openStore(root = join(folderIn(MEMORY), 'store'), durable = false): NativeStore {
  return loadStoreAddon().openStore({ root, durable });
}

/** A file of so many bytes by chance. */
export function sourceFile(bytes: number, folder = folderIn(DISK), name = 'model.gguf'): string {
  const path = join(folder, name);
  writeFileSync(path, randomBytes(bytes));
  return path;
}

export function options(source: StageOptions['source'], more: Partial<StageOptions> = {}): StageOptions {
  return { source, book: 'bases', priority: 'demand', budgetBytes: null, ...more };
}

export function stage(
  store: NativeStore,
  source: string,
  more: Partial<StageOptions> = {},
): Promise<StagedSegment> {
  return store.stage(options(source, more)).done;
}

/** The content id of a file's bytes, by another implementation of BLAKE3. */
export function contentIdOf(bytes: Buffer): string {
  return Buffer.from(hash(bytes)).toString('hex').slice(0, 32);
}

/** What a promise is rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<StoreError> {
  try {
    await promise;
  } catch (error) {
    return error as StoreError;
  }
  throw new Error('Cannot see a failure: expected a rejection');
}

/** Bytes of all files below, as the file system counts them. */
export function allocatedBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(folder, name)).blocks * 512)
    .reduce((sum, bytes) => sum + bytes, 0);
}

export function isLeft(
  root: string,
  folder: 'making' | 'bases' | 'adapters' | 'sources' | 'locks',
): string[] {
  return readdirSync(join(root, folder));
}

export function read(path: string): Buffer {
  return readFileSync(path);
}

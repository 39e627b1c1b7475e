import { basename } from 'node:path';
import type { GgufHeader } from './ggufHeader.ts';

/** Keys that llama-gguf-split writes into every file (llama.cpp, tools/gguf-split). */
const NUMBER = 'split.no';
const COUNT = 'split.count';
const TENSORS = 'split.tensors.count';

/** The headers are of all files of one model, in order. Throws an Error that says which is not. */
export function checkSplit(paths: readonly string[], headers: readonly GgufHeader[]): void {
  const [first] = headers;
  const count = first?.metadata.get(COUNT) ?? 1;
  if (paths.length === 1 && count === 1) return;
  if (paths.length === 1)
    throw new Error(
      `it is one of ${count} files, expected a name that ends in "-00001-of-${digits(count)}.gguf"`,
    );
  const wanted = { [COUNT]: paths.length, [TENSORS]: first?.metadata.get(TENSORS) };
  let tensors = 0;
  for (const [index, { metadata, tensorCount }] of headers.entries()) {
    for (const [key, expected] of Object.entries({ ...wanted, [NUMBER]: index })) {
      const got = metadata.get(key);
      if (got !== undefined && got === expected) continue;
      const name = basename(paths[index] ?? '');
      const what = expected === undefined ? '' : ` ${expected}`;
      throw new Error(
        `its part ${index + 1} of ${paths.length}, "${name}": expected ${key}${what}, got ${got ?? 'none'}`,
      );
    }
    tensors += tensorCount;
  }
  if (tensors !== wanted[TENSORS])
    throw new Error(`its parts are of different models: expected ${wanted[TENSORS]} tensors, got ${tensors}`);
}

function digits(count: string | number): string {
  return String(count).padStart(5, '0');
}

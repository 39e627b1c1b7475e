import { stat } from 'node:fs/promises';
import { partsOf } from '../../domain/splitFiles.ts';
import type { SealedFiles } from '../../ports/readableFile.ts';
import { type GgufContents, readGgufContents } from '../ggufHeader.ts';
import type { BaseWeights } from './loraPlan.ts';

/**
 * Reads what an adapter is held against out of a base's GGUF file, or all files of a split one. `sealed` opens encrypted ones,
 * whose plaintext is in memory only. Throws an Error.
 */
export async function readBaseWeights(path: string, sealed: SealedFiles | null = null): Promise<BaseWeights> {
  const parts: GgufContents[] = [];
  for (const part of partsOf(path)) parts.push(await readGgufContents(part, (await stat(part)).size, sealed));
  return baseWeightsOf(parts);
}

/** The same out of headers that were read, of a split model all of them, the first one's first. */
export function baseWeightsOf(parts: readonly GgufContents[]): BaseWeights {
  const shapes = new Map<string, readonly number[]>();
  for (const { tensors } of parts) for (const { name, shape } of tensors) shapes.set(name, shape);
  const first = parts[0]?.metadata;
  const architecture = String(first?.get('general.architecture') ?? '');
  const count = (key: string) => {
    const value = first?.get(`${architecture}.${key}`);
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
  };
  return {
    architecture,
    blockCount: count('block_count'),
    headCount: count('attention.head_count'),
    kvHeadCount: count('attention.head_count_kv'),
    shapes,
  };
}

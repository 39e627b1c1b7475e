import { basename, dirname, join } from 'node:path';

/** Name of one file of a split model, as llama-gguf-split writes it, or a container of it. */
const SHARD = /^(.+)-(\d{5})-of-(\d{5})\.gguf(\.hearth)?$/;

/** The files of a model: one, or all shards of a split one, which is named by its first. Throws when it is not. */
export function partsOf(path: string): string[] {
  const [, prefix, number, total, suffix = ''] = SHARD.exec(basename(path)) ?? [];
  if (prefix === undefined || total === undefined) return [path];
  if (Number(number) !== 1) throw new Error('expected the first file of a split model');
  return Array.from({ length: Number(total) }, (_, index) =>
    join(dirname(path), `${prefix}-${String(index + 1).padStart(5, '0')}-of-${total}.gguf${suffix}`),
  );
}

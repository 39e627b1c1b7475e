/** Name of one file of a split model, as llama-gguf-split writes it, or a container of it. */
const SPLIT = /^(.+)-(\d{5})-of-(\d{5})\.gguf(\.hearth)?$/;
/** llama.cpp counts them in 16 bits; no model is split into more than some hundreds. */
const MOST_PARTS = 10_000;

/**
 * The files of a model by the path of one: that file, or all files of a split model, which is named by its first. Throws when it
 * is not.
 */
export function partsOf(path: string): string[] {
  const slash = path.lastIndexOf('/') + 1;
  const [, prefix, number, total, suffix = ''] = SPLIT.exec(path.slice(slash)) ?? [];
  if (prefix === undefined || total === undefined) return [path];
  if (Number(number) !== 1) throw new Error('expected the first file of a split model');
  if (Number(total) < 1 || Number(total) > MOST_PARTS)
    throw new Error(`expected a model that is split into at most ${MOST_PARTS} files, got ${total}`);
  return Array.from(
    { length: Number(total) },
    (_, index) =>
      `${path.slice(0, slash)}${prefix}-${String(index + 1).padStart(5, '0')}-of-${total}.gguf${suffix}`,
  );
}

/** It is a file of a split model, and not the first. */
export function isLaterPart(name: string): boolean {
  const number = SPLIT.exec(name)?.[2];
  return number !== undefined && Number(number) !== 1;
}

/** One with 2^16 and more is no machine of today, and a range of billions would fill the memory. */
const MOST_CORES = 65_536;

/**
 * Reads the kernel's way to write a set of cores or nodes, as "0-3,8,10-11", into ascending numbers. '' is none; null: the
 * text is something else (docs.kernel.org/admin-guide/cputopology, "list format").
 */
export function parseCoreList(text: string): readonly number[] | null {
  const trimmed = text.trim();
  if (trimmed === '') return [];
  const cores = new Set<number>();
  for (const part of trimmed.split(',')) {
    const [, from = '', to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? [];
    const [first, last] = [Number(from), Number(to)];
    if (from === '' || last < first || last >= MOST_CORES) return null;
    for (let core = first; core <= last; core += 1) cores.add(core);
  }
  return [...cores].sort((a, b) => a - b);
}

/** The same way back. */
export function formatCoreList(cores: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const core of cores) {
    const range = ranges.at(-1);
    if (range && core === range[1] + 1) range[1] = core;
    else ranges.push([core, core]);
  }
  return ranges.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(',');
}

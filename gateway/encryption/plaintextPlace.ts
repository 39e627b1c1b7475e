/** File systems whose pages are memory, and never go to a swap. */
const NEVER_SWAPPED = new Set(['ramfs', 'hugetlbfs']);

/** What decides where the plaintext of a segment may end up. Read by swapFacts.ts. */
export interface PlaintextFacts {
  /** Of the store's folder, as the kernel names it: `tmpfs`, `ext4`. null: cannot be told. */
  readonly fileSystem: string | null;
  /** The mount option of tmpfs (Linux 6.4 and later). */
  readonly noswap: boolean;
  /** Files and partitions that memory may be written to now. null: cannot be told. */
  readonly swapAreas: readonly string[] | null;
}

/** What keeps the plaintext out of the swap, or who answers for it. */
export type PlaintextGuard = 'noswap' | 'no_swap' | 'operator';

export type PlaintextPlace =
  | { readonly allowed: true; readonly guard: PlaintextGuard }
  | { readonly allowed: false; readonly reason: string };

/**
 * May an encrypted model be staged there? `allowSwap` is the operator's word, `weights.allow_swap`; a folder on a disk it does
 * not allow: plaintext would stay on it. That it could be locked (mlock) does not count: a lock goes with the process that has
 * it, and a segment outlives its stager. The reason is the last part of a sentence.
 */
export function judgePlaintextPlace(facts: PlaintextFacts, allowSwap: boolean): PlaintextPlace {
  const { fileSystem, noswap, swapAreas } = facts;
  const isMemory = fileSystem === 'tmpfs' || (fileSystem !== null && NEVER_SWAPPED.has(fileSystem));
  if (!isMemory) {
    const found = fileSystem === null ? 'one that cannot be told' : fileSystem;
    return { allowed: false, reason: `expected a store on tmpfs against ${found}` };
  }
  if (noswap || fileSystem !== 'tmpfs') return { allowed: true, guard: 'noswap' };
  if (swapAreas?.length === 0) return { allowed: true, guard: 'no_swap' };
  if (allowSwap) return { allowed: true, guard: 'operator' };
  const areas =
    swapAreas === null ? 'swap that cannot be told' : `swap on ${swapAreas.map(quoted).join(', ')}`;
  return {
    allowed: false,
    reason: `expected a tmpfs mounted with noswap, no swap, or weights.allow_swap against ${areas}`,
  };
}

function quoted(text: string): string {
  return `"${text}"`;
}

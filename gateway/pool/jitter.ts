/** Where the pool's random numbers come from: part of its state, so that the same events decide the same. */
export interface Dice {
  /** 32 bits without sign. */
  seed: number;
}

/** The same text gives the same dice: FNV-1a over its UTF-16 units (Fowler, Noll, Vo; draft-eastlake-fnv-21). */
export function diceOf(text: string): Dice {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  return { seed: hash };
}

/** The next number from 0 to less than 1, by Tommy Ettinger's mulberry32 (public domain, 2017). */
export function roll(dice: Dice): number {
  dice.seed = (dice.seed + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(dice.seed ^ (dice.seed >>> 15), dice.seed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}

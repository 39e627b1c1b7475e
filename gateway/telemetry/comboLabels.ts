import type { NamedCombos } from '../ports/telemetry.ts';

/** How many combos have a label of their own, and of how many others is remembered that they have none. */
export interface LabelLimits {
  readonly labels: number;
  readonly remembered: number;
}

const DEFAULT_LIMITS: LabelLimits = { labels: 200, remembered: 10_000 };
/** Longer names have no label of their own. */
const MOST_CHARACTERS = 256;
const NONE = 'none';
const OTHER = 'other';
const SCALES = /@[^+]*/g;

/**
 * What stands for a combo in a metric. Combos are client-made (any scale is another one), so that a name has a label of its own
 * where an operator named it, and its scales are left out where not. Places are bounded, and kept free for what is named and
 * was not asked for yet: first for bases and what pins, aliases and the configuration name, then for each adapter alone on its
 * base; in what is left come combinations that clients made. What has no place is `other`.
 *
 * A name has one label for the life of the process, whatever is named later.
 */
export class ComboLabels {
  readonly #combos: NamedCombos;
  readonly #limits: LabelLimits;
  readonly #labels = new Map<string, string>();
  #places: number;
  /** Of `#labels` those of which clients can make any number. */
  #clientMade = 0;

  constructor(combos: NamedCombos, limits: LabelLimits = DEFAULT_LIMITS) {
    this.#combos = combos;
    this.#limits = limits;
    this.#places = limits.labels;
  }

  /** null: no combo was known. */
  of(combo: string | null): string {
    if (combo === null || combo === NONE) return NONE;
    return this.#labels.get(combo) ?? this.#decide(combo);
  }

  #decide(name: string): string {
    const unscaled = name.replaceAll(SCALES, '');
    const fallBack = () => (unscaled === name ? OTHER : this.of(unscaled));
    if (name.length > MOST_CHARACTERS) return fallBack();
    const isClientMade = unscaled !== name || isCombination(name);
    if (isClientMade) {
      // Whether it was asked for before can no longer be known: it could have had another label then.
      if (this.#clientMade >= this.#limits.remembered) return fallBack();
      this.#clientMade += 1;
    }
    const label = this.#takePlace(name, unscaled !== name) ? name : fallBack();
    this.#labels.set(name, label);
    return label;
  }

  #takePlace(name: string, isScaled: boolean): boolean {
    const named = this.#combos.named();
    const alone = this.#combos.alone();
    let reserved = 0;
    if (!named.has(name)) {
      if (isScaled) return false;
      const isFree = (one: string): boolean => !this.#labels.has(one);
      reserved += count(named, isFree);
      if (!alone.has(name)) reserved += count(alone, (one) => isFree(one) && !named.has(one));
    }
    if (reserved >= this.#places) return false;
    this.#places -= 1;
    return true;
  }
}

/** Of several adapters. */
function isCombination(name: string): boolean {
  return name.indexOf('+') !== name.lastIndexOf('+');
}

function count(names: ReadonlySet<string>, fits: (name: string) => boolean): number {
  let found = 0;
  for (const name of names) if (fits(name)) found += 1;
  return found;
}

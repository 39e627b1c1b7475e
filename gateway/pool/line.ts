/**
 * Things in the order of their places, the first first; of equal places in the order in which they came. Arrays that are
 * searched by halves: a thousand things cost ten looks, and most that come stand at the end.
 */
export interface Line<T> {
  readonly items: T[];
  /** Place of each, in the same order. */
  readonly placesMs: number[];
}

export function emptyLine<T>(): Line<T> {
  return { items: [], placesMs: [] };
}

/** Place of the first; Infinity: nobody stands in it. */
export function firstMs({ placesMs }: Line<unknown>): number {
  return placesMs[0] ?? Number.POSITIVE_INFINITY;
}

/** Puts it behind all that stand at that place or before it. */
export function enter<T>({ items, placesMs }: Line<T>, item: T, placeMs: number): void {
  let at = items.length;
  if ((placesMs[at - 1] ?? Number.NEGATIVE_INFINITY) > placeMs) {
    at = countBefore(placesMs, placeMs);
    while (placesMs[at] === placeMs) at += 1;
  }
  items.splice(at, 0, item);
  placesMs.splice(at, 0, placeMs);
}

/** Takes it out of the place at which it was put in; throws when it does not stand there. */
export function quit<T>({ items, placesMs }: Line<T>, item: T, placeMs: number): void {
  let at = countBefore(placesMs, placeMs);
  while (placesMs[at] === placeMs && items[at] !== item) at += 1;
  if (placesMs[at] !== placeMs)
    throw new Error(`Cannot leave a line at ${placeMs} ms: nothing such stands there`);
  items.splice(at, 1);
  placesMs.splice(at, 1);
}

/** How many stand before that place. */
export function countBefore(placesMs: readonly number[], placeMs: number): number {
  let from = 0;
  let to = placesMs.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((placesMs[middle] ?? 0) < placeMs) from = middle + 1;
    else to = middle;
  }
  return from;
}

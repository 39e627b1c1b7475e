/** How many of the last durations of one thing are remembered, and of how many things. */
export const REMEMBERED = 16;
const MOST_KEYS = 10_000;

/** The last durations of one thing. */
interface Ring {
  readonly valuesMs: number[];
  next: number;
}

/** The last durations by key; past MOST_KEYS what was noted longest ago is forgotten. */
export type DurationBook = Map<string, Ring>;

/** Puts a duration down, in place of the oldest one of that key. */
export function noteDuration(book: DurationBook, key: string, durationMs: number): void {
  const ring = book.get(key) ?? { valuesMs: [], next: 0 };
  ring.valuesMs[ring.next] = durationMs;
  ring.next = (ring.next + 1) % REMEMBERED;
  // The order of a Map is that of insertion: the first one is the one noted longest ago.
  book.delete(key);
  book.set(key, ring);
  if (book.size <= MOST_KEYS) return;
  const { value: oldest } = book.keys().next();
  if (oldest !== undefined) book.delete(oldest);
}

/** Median of the last durations, the lower of the two in the middle; null: none is known. */
export function medianMs(book: DurationBook, key: string): number | null {
  const ring = book.get(key);
  if (!ring) return null;
  const sorted = ring.valuesMs.toSorted((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? null;
}

/** How many of the last durations of one thing are remembered, and of how many things. */
export const REMEMBERED = 16;
const MOST_KEYS = 10_000;

/** The last durations of one thing, and its neighbours in the order in which things were noted last. */
interface Ring {
  readonly key: string;
  readonly valuesMs: number[];
  next: number;
  older: Ring | null;
  newer: Ring | null;
}

/** The last durations by key; past MOST_KEYS what was noted longest ago is forgotten. */
export interface DurationBook {
  readonly rings: Map<string, Ring>;
  oldest: Ring | null;
  newest: Ring | null;
}

export function noDurations(): DurationBook {
  return { rings: new Map(), oldest: null, newest: null };
}

/** Puts a duration down, in place of the oldest one of that key. */
export function noteDuration(book: DurationBook, key: string, durationMs: number): void {
  const ring = book.rings.get(key) ?? open(book, key);
  ring.valuesMs[ring.next] = durationMs;
  ring.next = (ring.next + 1) % REMEMBERED;
  if (book.newest === ring) return;
  unlink(book, ring);
  link(book, ring);
}

/** A Map in the order of use would be rebuilt all the time: it keeps what is deleted until it is full. */
function open(book: DurationBook, key: string): Ring {
  const ring: Ring = { key, valuesMs: [], next: 0, older: null, newer: null };
  book.rings.set(key, ring);
  link(book, ring);
  const { oldest } = book;
  if (book.rings.size > MOST_KEYS && oldest) {
    book.rings.delete(oldest.key);
    unlink(book, oldest);
  }
  return ring;
}

function link(book: DurationBook, ring: Ring): void {
  ring.older = book.newest;
  ring.newer = null;
  if (book.newest) book.newest.newer = ring;
  else book.oldest = ring;
  book.newest = ring;
}

function unlink(book: DurationBook, { older, newer }: Ring): void {
  if (older) older.newer = newer;
  else book.oldest = newer;
  if (newer) newer.older = older;
  else book.newest = older;
}

/** Median of the last durations, the lower of the two in the middle; null: none is known. */
export function medianMs(book: DurationBook, key: string): number | null {
  const ring = book.rings.get(key);
  if (!ring) return null;
  const sorted = ring.valuesMs.toSorted((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? null;
}

/** How many of the last durations of one thing are remembered, and of how many things. */
export const REMEMBERED = 16;
const MOST_KEYS = 10_000;

/** What is in the book of how long requests ran. */
export const SERVICE = 'service';

/** The last durations of one thing, and its neighbours in the order in which things were noted last. */
interface Ring {
  readonly what: string;
  readonly key: string;
  readonly valuesMs: number[];
  next: number;
  /** Of the values; null: not asked for since the last one came. */
  medianMs: number | null;
  older: Ring | null;
  newer: Ring | null;
}

/** The last durations, by what took so long and of which thing; past MOST_KEYS what was noted longest ago is forgotten. */
export interface DurationBook {
  /** In two steps: a text made of both would have to be made, and hashed, for each look. */
  readonly rings: Map<string, Map<string, Ring>>;
  size: number;
  oldest: Ring | null;
  newest: Ring | null;
}

export function noDurations(): DurationBook {
  return { rings: new Map(), size: 0, oldest: null, newest: null };
}

/** Puts a duration down, in place of the oldest one of that thing. */
export function noteDuration(book: DurationBook, what: string, key: string, durationMs: number): void {
  const ring = book.rings.get(what)?.get(key) ?? open(book, what, key);
  ring.valuesMs[ring.next] = durationMs;
  ring.next = (ring.next + 1) % REMEMBERED;
  ring.medianMs = null;
  if (book.newest === ring) return;
  unlink(book, ring);
  link(book, ring);
}

/** A Map in the order of use would be rebuilt all the time: it keeps what is deleted until it is full. */
function open(book: DurationBook, what: string, key: string): Ring {
  const ring: Ring = { what, key, valuesMs: [], next: 0, medianMs: null, older: null, newer: null };
  const rings = book.rings.get(what) ?? new Map<string, Ring>();
  book.rings.set(what, rings);
  rings.set(key, ring);
  book.size += 1;
  link(book, ring);
  if (book.size > MOST_KEYS && book.oldest) forget(book, book.oldest);
  return ring;
}

function forget(book: DurationBook, ring: Ring): void {
  const rings = book.rings.get(ring.what);
  rings?.delete(ring.key);
  if (rings?.size === 0) book.rings.delete(ring.what);
  book.size -= 1;
  unlink(book, ring);
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
export function medianMs(book: DurationBook, what: string, key: string): number | null {
  const ring = book.rings.get(what)?.get(key);
  if (!ring) return null;
  ring.medianMs ??= medianOf(ring.valuesMs);
  return ring.medianMs;
}

function medianOf(valuesMs: readonly number[]): number | null {
  const sorted = valuesMs.toSorted((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? null;
}

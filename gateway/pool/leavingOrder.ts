/** One of many that may leave, with what says when. */
export interface Ranked<T> {
  readonly item: T;
  /** The lowest goes first; of equal ones the least recently used, then the one that was named first. */
  readonly rank: number;
  readonly lastUsedMs: number;
  readonly at: number;
}

/**
 * In the order in which they leave, worked out only as far as it is walked over: of many only the first few have to go. A
 * binary heap; `ranked` is used up.
 */
export function* inOrder<T>(ranked: Ranked<T>[]): Generator<T, void, undefined> {
  for (let at = (ranked.length >> 1) - 1; at >= 0; at -= 1) sink(ranked, at);
  for (let first = ranked[0]; first; first = ranked[0]) {
    yield first.item;
    const last = ranked.pop();
    if (!last || ranked.length === 0) return;
    ranked[0] = last;
    sink(ranked, 0);
  }
}

function sink<T>(heap: Ranked<T>[], from: number): void {
  const sinking = heap[from];
  if (!sinking) return;
  let at = from;
  for (;;) {
    const left = 2 * at + 1;
    const [a, b] = [heap[left], heap[left + 1]];
    const isRight = a !== undefined && b !== undefined && goesBefore(b, a);
    const child = isRight ? b : a;
    if (!child || !goesBefore(child, sinking)) break;
    heap[at] = child;
    at = isRight ? left + 1 : left;
  }
  heap[at] = sinking;
}

function goesBefore<T>(a: Ranked<T>, b: Ranked<T>): boolean {
  return (a.rank - b.rank || a.lastUsedMs - b.lastUsedMs || a.at - b.at) < 0;
}

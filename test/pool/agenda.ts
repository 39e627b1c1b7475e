/** A simulated clock: what happens when. Equal times in the order in which they were put down. */
export class Agenda {
  nowMs = 1000;
  #entries: { readonly atMs: number; readonly what: () => void }[] = [];

  in(delayMs: number, what: () => void): void {
    const atMs = this.nowMs + delayMs;
    let index = this.#entries.length;
    while (index > 0 && (this.#entries[index - 1]?.atMs ?? 0) > atMs) index -= 1;
    this.#entries.splice(index, 0, { atMs, what });
  }

  /** Lets time go on; everything that falls due happens. */
  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (let next = this.#entries[0]; next && next.atMs <= untilMs; next = this.#entries[0]) {
      this.#entries.shift();
      this.nowMs = next.atMs;
      next.what();
    }
    this.nowMs = untilMs;
  }
}

/** Calls back at the earliest of the times that it is told, as an alarm does; what is needed no more is not taken back. */
export function waker(agenda: Agenda, ring: () => void): (atMs: number) => void {
  let ringsAtMs = Number.POSITIVE_INFINITY;
  return (atMs) => {
    if (atMs >= ringsAtMs) return;
    ringsAtMs = atMs;
    agenda.in(atMs - agenda.nowMs, () => {
      ringsAtMs = Number.POSITIVE_INFINITY;
      ring();
    });
  };
}

/** Small and seeded (mulberry32): the same seed tells the same story. */
export function randomOf(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

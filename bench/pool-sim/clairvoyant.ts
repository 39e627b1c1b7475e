import type { EvictionPolicy, Worth } from '../../gateway/pool/eviction.ts';
import type { Foresight } from '../../gateway/reports/replay/simulation.ts';
import type { Trace } from '../../gateway/reports/replay/trace.ts';

/**
 * Belady by cost: who goes first costs least to get back for each byte and millisecond until it is asked for again. It
 * reads the rest of the trace, which no pool can. A good plan, not the best one: with sizes and costs that differ, the
 * best is NP-hard.
 */
export class Clairvoyant implements Foresight {
  readonly #bases: FutureUses;
  readonly #combos: FutureUses;
  readonly #nextUse = new WeakMap<Worth, () => number>();
  #nowMs = 0;

  constructor({ fleet, arrivals }: Trace) {
    this.#combos = new FutureUses(arrivals.combo, arrivals.atMs, fleet.combos.length);
    const bases = arrivals.combo.map((combo) => fleet.combos[combo]?.base ?? 0);
    this.#bases = new FutureUses(bases, arrivals.atMs, fleet.bases.length);
  }

  /** This is the worth that the pool books for a base or combo that has just become ready. */
  isBase(worth: Worth, base: number): void {
    this.#nextUse.set(worth, () => this.#bases.after(base, this.#nowMs));
  }

  isCombo(worth: Worth, combo: number): void {
    this.#nextUse.set(worth, () => this.#combos.after(combo, this.#nowMs));
  }

  /** Must be told before each decision; time never goes back. */
  set nowMs(nowMs: number) {
    this.#nowMs = nowMs;
  }

  readonly policy: EvictionPolicy = ({ worth, bytes }) => {
    const aheadMs = (this.#nextUse.get(worth)?.() ?? Number.POSITIVE_INFINITY) - this.#nowMs;
    return worth.costMs / (Math.max(1, bytes) * Math.max(1, aheadMs));
  };
}

/** When each item is asked for, in one array, item by item. */
class FutureUses {
  readonly #times: Float64Array;
  /** Index of each item's next use, and where its uses end. */
  readonly #next: Uint32Array;
  readonly #end: Uint32Array;

  constructor(items: Uint32Array, atMs: Float64Array, count: number) {
    const uses = new Uint32Array(count);
    for (const item of items) uses[item] = (uses[item] ?? 0) + 1;
    this.#next = new Uint32Array(count);
    let first = 0;
    for (const [item, number] of uses.entries()) {
      this.#next[item] = first;
      first += number;
    }
    this.#end = this.#next.slice();
    this.#times = new Float64Array(items.length);
    for (const [at, item] of items.entries()) {
      const place = this.#end[item] ?? 0;
      this.#times[place] = atMs[at] ?? 0;
      this.#end[item] = place + 1;
    }
  }

  after(item: number, nowMs: number): number {
    const end = this.#end[item] ?? 0;
    let next = this.#next[item] ?? 0;
    while (next < end && (this.#times[next] ?? 0) <= nowMs) next += 1;
    this.#next[item] = next;
    return next < end ? (this.#times[next] ?? 0) : Number.POSITIVE_INFINITY;
  }
}

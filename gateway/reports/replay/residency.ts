interface Held {
  weightBytes: number;
  readonly combos: Map<number, number>;
  sinceMs: number;
  /** Of the base while no combo was there: it falls to the next one that is, or to the last one that was. */
  loneByteMs: number;
  lastCombo: number | null;
}

/**
 * Who holds memory for how long. A combo is laid its own context, and of its base's weights an equal share beside the other
 * combos on the same runner; so that all together are what was held.
 */
export class Residency {
  readonly #byteMs: Float64Array;
  readonly #runners = new Map<string, Held>();

  constructor(combos: number) {
    this.#byteMs = new Float64Array(combos);
  }

  loaded(runner: string, weightBytes: number, nowMs: number): void {
    const held = this.#settled(runner, nowMs);
    held.weightBytes = weightBytes;
  }

  attached(runner: string, combo: number, contextBytes: number, nowMs: number): void {
    const held = this.#settled(runner, nowMs);
    held.combos.set(combo, contextBytes);
    held.lastCombo = combo;
    this.#byteMs[combo] = (this.#byteMs[combo] ?? 0) + held.loneByteMs;
    held.loneByteMs = 0;
  }

  detached(runner: string, combo: number, nowMs: number): void {
    this.#settled(runner, nowMs).combos.delete(combo);
  }

  exited(runner: string, nowMs: number): void {
    const held = this.#settled(runner, nowMs);
    if (held.lastCombo !== null)
      this.#byteMs[held.lastCombo] = (this.#byteMs[held.lastCombo] ?? 0) + held.loneByteMs;
    this.#runners.delete(runner);
  }

  /** By combo, bytes times milliseconds up to now, what still runs included. */
  upTo(nowMs: number): Float64Array {
    for (const runner of [...this.#runners.keys()]) this.exited(runner, nowMs);
    return this.#byteMs;
  }

  #settled(runner: string, nowMs: number): Held {
    let held = this.#runners.get(runner);
    if (!held) {
      held = { weightBytes: 0, combos: new Map(), sinceMs: nowMs, loneByteMs: 0, lastCombo: null };
      this.#runners.set(runner, held);
    }
    const tookMs = nowMs - held.sinceMs;
    held.sinceMs = nowMs;
    const { combos, weightBytes } = held;
    if (combos.size === 0) held.loneByteMs += tookMs * weightBytes;
    for (const [combo, contextBytes] of combos) {
      this.#byteMs[combo] = (this.#byteMs[combo] ?? 0) + tookMs * (contextBytes + weightBytes / combos.size);
    }
    return held;
  }
}

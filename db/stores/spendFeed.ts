import type { KeySpend } from '../../gateway/ports/costReads.ts';

/** Tells what corrections have changed of keys' spending, when they are on disk. */
export class SpendFeed {
  #listener: (change: KeySpend) => void = () => {};

  /** The one that hears of it from now on. */
  listen(listener: (change: KeySpend) => void): void {
    this.#listener = listener;
  }

  tell(change: KeySpend): void {
    if (change.microUsd !== 0) this.#listener(change);
  }
}

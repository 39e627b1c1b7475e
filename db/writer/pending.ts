import type { WriteCommand } from './commands.ts';

/**
 * Bounds of what may wait while the disk stalls. Past its bound an awaited write is refused at once and a background
 * write is dropped and counted, so that a stalled disk costs a few MiB of memory and never the process.
 */
export interface WriterLimits {
  readonly maxPendingAwaited: number;
  readonly maxPendingBackground: number;
}

/** `settle` is null for a background write. */
export interface PendingWrite {
  readonly command: WriteCommand;
  readonly settle: ((failure: Error | null) => void) | null;
}

/** Counts writes from their arrival until they are on disk or have failed. */
export class PendingCount {
  readonly #limits: WriterLimits;
  #awaited = 0;
  #background = 0;

  constructor(limits: WriterLimits) {
    this.#limits = limits;
  }

  /** Whether one more fits; it is then counted. */
  admit(isAwaited: boolean): boolean {
    if (isAwaited) {
      if (this.#awaited >= this.#limits.maxPendingAwaited) return false;
      this.#awaited += 1;
    } else {
      if (this.#background >= this.#limits.maxPendingBackground) return false;
      this.#background += 1;
    }
    return true;
  }

  done(write: PendingWrite): void {
    if (write.settle) this.#awaited -= 1;
    else this.#background -= 1;
  }

  get total(): number {
    return this.#awaited + this.#background;
  }
}

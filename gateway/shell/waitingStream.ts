/** How long a stream's headers are held; DESIGN.md, "Streams". */
const HOLD_MS = 2_000;
const COMMENT_EVERY_MS = 1_000;

/** Calls back when a waiting stream's client should hear something: after the hold, then every second until stopped. */
export class WaitingStream {
  #timer: NodeJS.Timeout;

  constructor(speak: () => void) {
    this.#timer = setTimeout(() => {
      speak();
      this.#timer = setInterval(speak, COMMENT_EVERY_MS);
    }, HOLD_MS);
  }

  stop(): void {
    // One clears the other's kind too: both are Timeout objects.
    clearTimeout(this.#timer);
  }
}

/** Does something in small steps, one after the other, with rests between them, until it is stopped. */
export class Rounds {
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  /** A step that found more to do is followed sooner; one that failed is told and tried again. */
  run(
    step: () => Promise<'more' | 'done'>,
    pauses: { readonly pauseMs: number; readonly catchUpPauseMs: number },
    onFailed: (error: Error) => void,
  ): void {
    if (this.#isStopped) return;
    this.#running = step()
      .catch((error: Error) => {
        if (!this.#isStopped) onFailed(error);
        return 'done' as const;
      })
      .then((found) => {
        if (this.#isStopped) return;
        const waitMs = found === 'more' ? pauses.catchUpPauseMs : pauses.pauseMs;
        this.#timer = setTimeout(() => this.run(step, pauses, onFailed), waitMs).unref();
      });
  }

  /** Resolves when the step that runs has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }
}

import { SourceError } from '../../sources/errors.ts';
import type { Pace } from '../../sources/pace.ts';

/** Waits for nothing, and remembers how long it would have waited. */
export class QuickPace implements Pace {
  readonly sleptMs: number[] = [];

  sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    this.sleptMs.push(ms);
    return signal?.aborted
      ? Promise.reject(new SourceError('cancelled', 'Cannot go on: cancelled'))
      : new Promise((resolve) => setImmediate(resolve));
  }

  random(): number {
    return 0;
  }
}

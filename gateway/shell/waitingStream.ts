import type { StartKind } from '../domain/phases.ts';
import type { StartProgress } from './startTimeline.ts';
import { stagingText } from './weights/stagingText.ts';

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

/** `hearth cold 36% staging 1.6 GB of 4.0 GB, 1.1 GB/s, 3 s left`: what a waiting stream's client hears of its start. */
export function waitingText(kind: StartKind, progress: StartProgress | null): string {
  if (!progress) return `hearth ${kind}`;
  const staging = progress.staging && stagingText(progress.staging);
  return `hearth ${kind} ${Math.round(progress.fraction * 100)}%${staging ? ` ${staging}` : ''}`;
}

import type { StageProgress } from '../../ports/weightStore.ts';

/** How far weights are on their way into the store, how fast, and how long it will take. */
export interface StageReading extends StageProgress {
  /** Over the last seconds; null: it was not looked at for long enough. */
  readonly bytesPerSecond: number | null;
  /** Of this step, at that rate; null: not known, or nothing comes. */
  readonly secondsLeft: number | null;
}

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

const WINDOW_MS = 5_000;
/** What comes in less time says little of a rate: threads end their first chunks all at once. */
const LEAST_SPAN_MS = 500;
const SAMPLE_EVERY_MS = 100;

/** Keeps what is told of one staging for as long as the rate's window. The rate falls while nothing is told. */
export class StageMeter {
  #samples: Sample[] = [];
  #last: StageProgress = { step: 'stage', bytes: 0, totalBytes: 0, fraction: 0 };

  observe(progress: StageProgress, nowMonoMs: number): void {
    // Another step, or one that begins again: bytes of before are of no use.
    if (progress.step !== this.#last.step || progress.bytes < this.#last.bytes) this.#samples = [];
    this.#last = progress;
    const before = this.#samples.at(-1);
    if (before && nowMonoMs - before.atMs < SAMPLE_EVERY_MS) return;
    this.#samples.push({ atMs: nowMonoMs, bytes: progress.bytes });
    this.#forget(nowMonoMs);
  }

  read(nowMonoMs: number): StageReading {
    this.#forget(nowMonoMs);
    const { bytes, totalBytes } = this.#last;
    const bytesPerSecond = this.#rate(nowMonoMs);
    const leftBytes = Math.max(0, totalBytes - bytes);
    const isKnown = bytesPerSecond !== null && bytesPerSecond > 0 && totalBytes > 0;
    return { ...this.#last, bytesPerSecond, secondsLeft: isKnown ? leftBytes / bytesPerSecond : null };
  }

  #rate(nowMonoMs: number): number | null {
    const [oldest] = this.#samples;
    if (!oldest || nowMonoMs - oldest.atMs < LEAST_SPAN_MS) return null;
    return ((this.#last.bytes - oldest.bytes) * 1000) / (nowMonoMs - oldest.atMs);
  }

  /** The newest one before the window stays: from there on it is measured. */
  #forget(nowMonoMs: number): void {
    const beginsAtMs = nowMonoMs - WINDOW_MS;
    while ((this.#samples[1]?.atMs ?? Number.POSITIVE_INFINITY) <= beginsAtMs) this.#samples.shift();
  }
}

/** For people: whole bytes a second, tenths of seconds. */
export function shownReading({
  step,
  bytes,
  totalBytes,
  bytesPerSecond,
  secondsLeft,
}: StageReading): Omit<StageReading, 'fraction'> {
  return {
    step,
    bytes,
    totalBytes,
    bytesPerSecond: bytesPerSecond === null ? null : Math.round(bytesPerSecond),
    secondsLeft: secondsLeft === null ? null : Math.round(secondsLeft * 10) / 10,
  };
}

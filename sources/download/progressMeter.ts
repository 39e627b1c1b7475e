import type { DownloadProgress } from './types.ts';

const REPORT_EVERY_MS = 200;
/** Over which the rate is averaged. */
const WINDOW_MS = 5_000;

/** Counts bytes and tells the listener, not more often than people and pipes can take it. */
export class ProgressMeter {
  readonly #totalBytes: number;
  readonly #listener: ((progress: DownloadProgress) => void) | undefined;
  readonly #nowMs: () => number;
  readonly #samples: { readonly atMs: number; readonly bytes: number }[] = [];
  #bytes: number;

  constructor(
    totalBytes: number,
    resumedBytes: number,
    listener: ((progress: DownloadProgress) => void) | undefined,
    nowMs: () => number,
  ) {
    this.#totalBytes = totalBytes;
    this.#bytes = resumedBytes;
    this.#listener = listener;
    this.#nowMs = nowMs;
    this.#samples.push({ atMs: nowMs(), bytes: resumedBytes });
  }

  /** Negative when bytes have to come again. */
  add(bytes: number): void {
    this.#bytes += bytes;
    const last = this.#samples.at(-1);
    if (last && this.#nowMs() - last.atMs < REPORT_EVERY_MS) return;
    this.report();
  }

  report(): void {
    const atMs = this.#nowMs();
    this.#samples.push({ atMs, bytes: this.#bytes });
    while (this.#samples.length > 2 && atMs - (this.#samples[0]?.atMs ?? atMs) > WINDOW_MS)
      this.#samples.shift();
    const first = this.#samples[0] ?? { atMs, bytes: this.#bytes };
    const bytesPerSecond =
      atMs > first.atMs ? Math.max(0, ((this.#bytes - first.bytes) / (atMs - first.atMs)) * 1000) : 0;
    const leftBytes = this.#totalBytes - this.#bytes;
    this.#listener?.({
      bytes: this.#bytes,
      totalBytes: this.#totalBytes,
      bytesPerSecond: Math.round(bytesPerSecond),
      secondsLeft: leftBytes === 0 ? 0 : bytesPerSecond > 0 ? leftBytes / bytesPerSecond : null,
    });
  }
}

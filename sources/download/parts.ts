import { setMaxListeners } from 'node:events';
import { localFailure, SourceError } from '../errors.ts';
import type { Origin, OriginFile } from '../origin.ts';
import { type Pace, retryDelayMs } from '../pace.ts';
import type { FrontierHash } from './frontierHash.ts';
import type { PartFile } from './partFile.ts';
import type { ProgressMeter } from './progressMeter.ts';
import type { RateLimit } from './throttle.ts';

/** Bytes that are written at once. */
const WRITE_BYTES = 2 ** 20;

/** From `from` to before `to`. */
export interface Part {
  readonly index: number;
  readonly from: number;
  readonly to: number;
}

export interface Transfer {
  readonly origin: Origin;
  readonly file: OriginFile;
  readonly target: PartFile;
  readonly progress: ProgressMeter;
  readonly hash: FrontierHash | null;
  readonly pace: Pace;
  readonly throttle: RateLimit | undefined;
}

export interface Crew {
  readonly parts: readonly Part[];
  readonly parallel: number;
  readonly attempts: number;
  readonly signal: AbortSignal | undefined;
}

/** Brings the parts over so many connections, in order of their places. The first failure ends all and is thrown. */
export async function fetchParts(
  transfer: Transfer,
  { parts, parallel, attempts, signal }: Crew,
): Promise<void> {
  const stop = new AbortController();
  const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  setMaxListeners(0, either);
  const queue = parts.values();
  const failures: Error[] = [];
  const worker = async () => {
    try {
      for (const part of queue) {
        await fetchPart(transfer, part, attempts, either);
        await transfer.target.commit(part.index);
        transfer.hash?.add(part.index);
      }
    } catch (error) {
      failures.push(localFailure(`download "${transfer.origin.uri}"`, error));
      stop.abort();
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(parallel, parts.length)) }, worker));
  const [first] = failures;
  if (first) throw first;
}

/** One part; what a connection brought before it was cut off counts, where the source knows ranges. */
async function fetchPart(
  { origin, file, target, progress, pace, throttle }: Transfer,
  part: Part,
  attempts: number,
  signal: AbortSignal,
): Promise<void> {
  let at = part.from;
  let failures = 0;
  // One piece is written while the next one comes.
  let writing: Promise<void> = Promise.resolve();
  while (at < part.to) {
    try {
      if (signal.aborted) throw new SourceError('cancelled', `Cannot download "${origin.uri}": cancelled`);
      for await (const { chunks, bytes } of gather(origin.read(file, at, part.to, signal))) {
        await throttle?.take(bytes, signal);
        await writing;
        writing = target.write(chunks, at);
        writing.catch(() => {});
        at += bytes;
        // Without ranges these bytes come again after the next cut.
        if (file.ranges) failures = 0;
        progress.add(bytes);
      }
      await writing;
    } catch (error) {
      if (!(error instanceof SourceError) || !error.isTransient) throw error;
      await writing;
      failures += 1;
      const delayMs = failures < attempts ? retryDelayMs(failures, error, pace) : null;
      if (delayMs === null) throw error;
      if (!file.ranges) {
        progress.add(part.from - at);
        at = part.from;
      }
      await pace.sleep(delayMs, signal);
    }
  }
}

/** Small chunks together; what was gathered when the source fails comes before the failure. */
async function* gather(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly chunks: Uint8Array[]; readonly bytes: number }> {
  let chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of source) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes < WRITE_BYTES) continue;
      yield { chunks, bytes };
      chunks = [];
      bytes = 0;
    }
  } catch (error) {
    if (bytes > 0) yield { chunks, bytes };
    throw error;
  }
  if (bytes > 0) yield { chunks, bytes };
}

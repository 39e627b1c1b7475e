import { dirname } from 'node:path';
import { performance } from 'node:perf_hooks';
import { download } from '../sources/download/download.ts';
import { downloadFolder, type FolderResult } from '../sources/download/downloadFolder.ts';
import { type RateLimit, Throttle } from '../sources/download/throttle.ts';
import type { DownloadOptions, DownloadProgress } from '../sources/download/types.ts';
import { SourceError } from '../sources/errors.ts';
import { sourceIdentity } from '../sources/identity.ts';
import { openOrigin } from '../sources/openOrigin.ts';
import type { Origin, OriginFile } from '../sources/origin.ts';
import { REAL_PACE } from '../sources/pace.ts';
import { Transport } from '../sources/transport.ts';
import type { FetchMessage } from './protocol/messages.ts';

interface Underway {
  readonly cancelled: AbortController;
  readonly hurried: AbortController;
}

/** Downloads by the gateway's orders, which do not wait for one another. Prefetches share one bandwidth cap. */
export class Fetches {
  readonly #transport = new Transport();
  readonly #underway = new Map<number, Underway>();
  readonly #throttle: Throttle | null;

  /** null: prefetches have no cap. */
  constructor(prefetchBytesPerSecond: number | null) {
    this.#throttle =
      prefetchBytesPerSecond === null
        ? null
        : new Throttle(prefetchBytesPerSecond, REAL_PACE, () => performance.now());
  }

  get size(): number {
    return this.#underway.size;
  }

  /** Resolves with the bytes that an earlier attempt had brought. Rejects with a SourceError, `changed` for another version. */
  async fetch(order: FetchMessage, onProgress: (progress: DownloadProgress) => void): Promise<number> {
    const underway = { cancelled: new AbortController(), hurried: new AbortController() };
    this.#underway.set(order.seq, underway);
    if (order.priority === 'demand') underway.hurried.abort();
    try {
      return await this.#bring(order, underway, onProgress);
    } finally {
      this.#underway.delete(order.seq);
    }
  }

  /** From now on without the cap. Nothing happens when it is through. */
  hurry(seq: number): void {
    this.#underway.get(seq)?.hurried.abort();
  }

  cancel(seq: number): void {
    this.#underway.get(seq)?.cancelled.abort();
  }

  async #bring(
    { source, version, path, names, maxBytes, sha256, credentials }: FetchMessage,
    { cancelled, hurried }: Underway,
    onProgress: (progress: DownloadProgress) => void,
  ): Promise<number> {
    const { signal } = cancelled;
    const origin = openOrigin(source, { credentials, transport: this.#transport });
    const files = await origin.files(signal);
    checkVersion(origin, source, version, files, names.length);
    const options: DownloadOptions = {
      signal,
      startsOver: false,
      maxBytes,
      ...(this.#throttle ? { throttle: untilHurried(this.#throttle, hurried.signal) } : {}),
      ...(sha256 === null ? {} : { sha256 }),
      onProgress,
    };
    const [file] = files;
    const result =
      file && files.length === 1
        ? await download(origin, file, path, options)
        : await downloadParts(origin, files, names, path, options);
    if (!result.ok) throw result.error;
    return result.value.resumedBytes;
  }
}

/** The limit for as long as nobody waits; who is held back then goes on at once. */
function untilHurried(throttle: RateLimit, hurried: AbortSignal): RateLimit {
  return {
    async take(bytes, signal) {
      if (hurried.aborted) return;
      try {
        await throttle.take(bytes, signal ? AbortSignal.any([signal, hurried]) : hurried);
      } catch (error) {
        if (!hurried.aborted || signal?.aborted) throw error;
      }
    },
  };
}

/** The catalogue saw this version, of so many files. */
function checkVersion(
  origin: Origin,
  source: string,
  version: string,
  files: readonly OriginFile[],
  count: number,
): void {
  const got = sourceIdentity(source, files).slice(0, version.length);
  if (files.length === count && got === version) return;
  const why = `expected version "${version}" that the catalogue saw, got "${got}"`;
  throw new SourceError('changed', `Cannot bring "${origin.uri}": ${why}`);
}

/** All files of a split model, one after the other, each under the name that an engine finds it by. */
function downloadParts(
  origin: Origin,
  files: readonly OriginFile[],
  names: readonly string[],
  path: string,
  options: DownloadOptions,
): Promise<FolderResult> {
  const there = new Map(files.map((file, index) => [names[index] ?? file.name, file]));
  const here = [...there].map(([name, file]) => ({ ...file, name }));
  const renamed: Origin = {
    uri: origin.uri,
    files: async () => here,
    read: (file, from, to, signal) => origin.read(there.get(file.name) ?? file, from, to, signal),
  };
  return downloadFolder(renamed, here, dirname(path), options);
}

import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { performance } from 'node:perf_hooks';
import { download } from '../../../sources/download/download.ts';
import { downloadFolder, type FolderResult } from '../../../sources/download/downloadFolder.ts';
import type { DownloadOptions, DownloadProgress } from '../../../sources/download/types.ts';
import { localFailure, SourceError } from '../../../sources/errors.ts';
import { sourceIdentity } from '../../../sources/identity.ts';
import { openOrigin } from '../../../sources/openOrigin.ts';
import type { Origin, OriginFile } from '../../../sources/origin.ts';
import { Transport } from '../../../sources/transport.ts';
import { hasScheme, shownUri } from '../../../sources/uri.ts';
import { type SegmentKey, segmentKey } from '../../domain/ids.ts';
import { partsOf } from '../../domain/splitFiles.ts';
import type { BroughtFile, OriginFiles, OriginOrder } from '../../ports/originFiles.ts';
import { type ByteProgress, StageFailed, type StageFailureCode } from '../../ports/weightStore.ts';
import type { SourceAccess } from '../sourceAccess.ts';
import { CopyFolder } from './copyFolder.ts';

export interface OriginCopiesDeps {
  /** Absolute; made when the first file comes. */
  readonly directory: string;
  readonly access: Pick<SourceAccess, 'credentials'>;
  /** What all copies may take; null: what the disk has. */
  readonly maxBytes: number | null;
  /** For what nobody waits for; null: no limit. */
  readonly prefetchBytesPerSecond: number | null;
  /** A source has another version than the catalogue saw. Resolves when the catalogue has looked again. */
  readonly changed: (source: string) => Promise<unknown>;
}

/** A download that is under way, for all who wait for it. */
interface Flight {
  readonly bytes: number;
  readonly file: Promise<BroughtFile>;
  readonly listeners: Set<(progress: DownloadProgress) => void>;
  priority: OriginOrder['priority'];
  /** Ends the attempt that is held back for others; the next one is not. */
  heldBack: AbortController | null;
}

const SAFE_NAME = /^[\w-][\w.-]{0,200}$/;

/** Downloads under `<directory>/<key>/`, whose key says of which version they are, so that what lies there needs no asking. */
export class OriginCopies implements OriginFiles {
  readonly #deps: OriginCopiesDeps;
  readonly #folder: CopyFolder;
  readonly #transport = new Transport();
  readonly #flights = new Map<SegmentKey, Flight>();
  readonly #closing = new AbortController();

  constructor(deps: OriginCopiesDeps) {
    this.#deps = deps;
    this.#folder = new CopyFolder(deps.directory);
  }

  isRemote(source: string): boolean {
    return hasScheme(source);
  }

  placeOf(key: SegmentKey, source: string): string {
    return hasScheme(source) ? this.#folder.pathOf(key, fileNameOf(source)) : source;
  }

  async bring(order: OriginOrder, onProgress: (progress: ByteProgress) => void): Promise<BroughtFile> {
    const flight = this.#flights.get(order.key) ?? this.#begin(order);
    if (order.priority === 'demand' && flight.priority === 'prefetch') {
      flight.priority = 'demand';
      flight.heldBack?.abort();
    }
    flight.listeners.add(onProgress);
    try {
      return await flight.file;
    } finally {
      flight.listeners.delete(onProgress);
    }
  }

  async discard(key: SegmentKey): Promise<void> {
    if (!this.#flights.has(key)) await this.#folder.remove(key);
  }

  /** Lets go of versions that the catalogue does not have any more. */
  async removeUnused(used: ReadonlySet<SegmentKey>): Promise<void> {
    await this.#folder.removeAllBut(new Set([...used, ...this.#flights.keys()]));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled([...this.#flights.values()].map(({ file }) => file));
  }

  #begin(order: OriginOrder): Flight {
    const { key, bytes, priority } = order;
    const listeners: Flight['listeners'] = new Set();
    const flight: Flight = {
      bytes,
      listeners,
      priority,
      heldBack: null,
      file: Promise.resolve()
        .then(() => this.#ensure(order, flight))
        .catch((error: unknown) => {
          throw failureOf(order.source, error);
        })
        .finally(() => this.#flights.delete(key)),
    };
    this.#flights.set(key, flight);
    return flight;
  }

  async #ensure(order: OriginOrder, flight: Flight): Promise<BroughtFile> {
    const startedMs = performance.now();
    const { key, source, bytes } = order;
    const path = this.placeOf(key, source);
    const isHere = await this.#folder.use(key, partsOf(fileNameOf(source)), bytes);
    if (!isHere) {
      await this.#makeRoom(order);
      await this.#folder.prepare(key);
      await this.#download(order, flight, path);
    }
    return { path, isFromOrigin: !isHere, wallMs: performance.now() - startedMs };
  }

  async #makeRoom({ source }: OriginOrder): Promise<void> {
    const { maxBytes } = this.#deps;
    if (maxBytes === null) return;
    const comingBytes = [...this.#flights.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    if (comingBytes > maxBytes) {
      const why = `expected at most ${maxBytes} bytes of downloads, got ${comingBytes}`;
      throw new SourceError('too_large', `Cannot bring "${shownUri(source)}": ${why}`);
    }
    await this.#folder.shrinkTo(maxBytes - comingBytes, new Set(this.#flights.keys()));
  }

  /** Attempts until one was not ended to go on faster. */
  async #download(order: OriginOrder, flight: Flight, path: string): Promise<void> {
    for (;;) {
      const cap = flight.priority === 'prefetch' ? this.#deps.prefetchBytesPerSecond : null;
      flight.heldBack = cap === null ? null : new AbortController();
      const hurried = flight.heldBack?.signal;
      const signal = AbortSignal.any([this.#closing.signal, ...(hurried ? [hurried] : [])]);
      try {
        return await this.#attempt(order, flight, path, cap, signal);
      } catch (error) {
        if (hurried?.aborted && !this.#closing.signal.aborted) continue;
        if (!(error instanceof SourceError) || error.code !== 'changed') throw error;
        await this.#deps.changed(order.source);
        throw error;
      }
    }
  }

  async #attempt(
    { key, source, bytes, digest }: OriginOrder,
    { listeners }: Flight,
    path: string,
    cap: number | null,
    signal: AbortSignal,
  ): Promise<void> {
    const credentials = await this.#deps.access.credentials();
    const origin = openOrigin(source, { credentials, transport: this.#transport });
    const files = sameVersion(origin, source, key, await origin.files(signal));
    const options: DownloadOptions = {
      signal,
      startsOver: false,
      maxBytes: bytes,
      ...(cap === null ? {} : { bytesPerSecond: cap }),
      ...(digest?.startsWith('sha256:') ? { sha256: digest.slice('sha256:'.length) } : {}),
      onProgress: (progress) => {
        for (const listener of listeners) listener(progress);
      },
    };
    const [file] = files;
    const result =
      file && files.length === 1
        ? await download(origin, file, path, options)
        : await downloadParts(origin, files, path, options);
    if (!result.ok) throw result.error;
  }
}

/** All files of a split model, one after the other, each under the name that an engine finds it by. */
function downloadParts(
  origin: Origin,
  files: readonly OriginFile[],
  path: string,
  options: DownloadOptions,
): Promise<FolderResult> {
  const names = partsOf(basename(path));
  const there = new Map(files.map((file, index) => [names[index] ?? file.name, file]));
  const here = [...there].map(([name, file]) => ({ ...file, name }));
  const renamed: Origin = {
    uri: origin.uri,
    files: async () => here,
    read: (file, from, to, signal) => origin.read(there.get(file.name) ?? file, from, to, signal),
  };
  return downloadFolder(renamed, here, dirname(path), options);
}

/** The file, or all files of a split model, of the version that the catalogue saw. */
function sameVersion(
  origin: Origin,
  source: string,
  key: SegmentKey,
  files: readonly OriginFile[],
): readonly OriginFile[] {
  const got = segmentKey(sourceIdentity(source, files).slice(0, 32));
  if (files.length === partsOf(fileNameOf(source)).length && got === key) return files;
  const why = `expected version "${key}" that the catalogue saw, got "${got}"`;
  throw new SourceError('changed', `Cannot bring "${origin.uri}": ${why}`);
}

/** The last part of the URI where that can be a file's name here, else one made of the URI. */
function fileNameOf(source: string): string {
  const last = shownUri(source).split('/').at(-1) ?? '';
  if (SAFE_NAME.test(last)) return last;
  const [ending] = /(?:-\d{5}-of-\d{5})?\.gguf$/.exec(last) ?? ['.gguf'];
  return `${createHash('sha256').update(source).digest('hex').slice(0, 16)}${ending}`;
}

/** What is not here is of no use to a start: nothing of this is the store's fault. */
const CODES: Partial<Record<SourceError['code'], StageFailureCode>> = {
  digest_mismatch: 'digest_mismatch',
  cancelled: 'cancelled',
};

function failureOf(source: string, error: unknown): StageFailed {
  const failure = localFailure(`bring "${shownUri(source)}"`, error);
  return new StageFailed(
    CODES[failure.code] ?? 'source_unreadable',
    failure.message,
    failure.code === 'digest_mismatch',
  );
}

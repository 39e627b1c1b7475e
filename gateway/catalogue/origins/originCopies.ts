import { createHash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { localFailure, SourceError } from '../../../sources/errors.ts';
import { hasScheme, shownUri } from '../../../sources/uri.ts';
import { containerBytes } from '../../domain/containerLayout.ts';
import { type SegmentKey, VERSION_DIGITS } from '../../domain/ids.ts';
import { partsOf } from '../../domain/splitFiles.ts';
import { FetchFailed, type OriginFetch, type OriginFetcher } from '../../ports/originFetcher.ts';
import type { BroughtFile, OriginFiles, OriginOrder } from '../../ports/originFiles.ts';
import { type ByteProgress, StageFailed, type StageFailureCode } from '../../ports/weightStore.ts';
import { CopyFolder } from './copyFolder.ts';

export interface OriginCopiesDeps {
  /** Absolute; made when the first file comes. */
  readonly directory: string;
  readonly fetcher: OriginFetcher;
  /** What all copies may take; null: what the disk has. */
  readonly maxBytes: number | null;
  /** A source has another version than the catalogue saw. Resolves when the catalogue has looked again. */
  readonly changed: (source: string) => Promise<unknown>;
}

/** A download that is under way, for all who wait for it. */
interface Flight {
  readonly bytes: number;
  readonly file: Promise<BroughtFile>;
  readonly listeners: Set<(progress: ByteProgress) => void>;
  priority: OriginOrder['priority'];
  /** null: it has not begun, or is through. */
  fetch: OriginFetch | null;
}

const SHA256 = 'sha256:';
const SAFE_NAME = /^[\w-][\w.-]{0,200}$/;

/** Downloads under `<directory>/<key>/`, whose key says of which version they are, so that what lies there needs no asking. */
export class OriginCopies implements OriginFiles {
  readonly #deps: OriginCopiesDeps;
  readonly #folder: CopyFolder;
  readonly #flights = new Map<SegmentKey, Flight>();
  #isClosed = false;

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
      flight.fetch?.hurry();
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
    this.#isClosed = true;
    await this.#deps.fetcher.close();
    await Promise.allSettled([...this.#flights.values()].map(({ file }) => file));
  }

  #begin(order: OriginOrder): Flight {
    const { key, priority } = order;
    const listeners: Flight['listeners'] = new Set();
    const flight: Flight = {
      bytes: fileBytesOf(order),
      listeners,
      priority,
      fetch: null,
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
    const { key, source } = order;
    const path = this.placeOf(key, source);
    const isHere = await this.#folder.use(key, partsOf(fileNameOf(source)), fileBytesOf(order));
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

  async #download(order: OriginOrder, flight: Flight, path: string): Promise<void> {
    const { key, source, digest, isEncrypted } = order;
    if (this.#isClosed) throw new FetchFailed('cancelled', 'the gateway is shutting down');
    // Of an encrypted file the catalogue's digest is the plaintext's: who stages it compares that.
    const sha256 = isEncrypted || !digest?.startsWith(SHA256) ? null : digest.slice(SHA256.length);
    const names = partsOf(fileNameOf(source));
    const version = key.slice(0, VERSION_DIGITS);
    const wanted = { source, version, path, names, bytes: fileBytesOf(order), sha256 };
    flight.fetch = this.#deps.fetcher.fetch({ ...wanted, priority: flight.priority }, (progress) => {
      for (const listener of flight.listeners) listener(progress);
    });
    try {
      await flight.fetch.done;
    } catch (error) {
      if (error instanceof FetchFailed && error.code === 'changed') await this.#deps.changed(source);
      throw error;
    } finally {
      flight.fetch = null;
    }
  }
}

/** As it lies at its source, and here. */
function fileBytesOf({ bytes, isEncrypted }: OriginOrder): number {
  return isEncrypted ? containerBytes(bytes) : bytes;
}

/** The last part of the URI where that can be a file's name here, else one made of the URI. */
function fileNameOf(source: string): string {
  const last = shownUri(source).split('/').at(-1) ?? '';
  if (SAFE_NAME.test(last)) return last;
  const [ending] = /(?:-\d{5}-of-\d{5})?\.gguf$/.exec(last) ?? ['.gguf'];
  return `${createHash('sha256').update(source).digest('hex').slice(0, 16)}${ending}`;
}

/** What is not here is of no use to a start: nothing of this is the store's fault. */
const CODES: Partial<Record<string, StageFailureCode>> = {
  digest_mismatch: 'digest_mismatch',
  cancelled: 'cancelled',
};

function failureOf(source: string, error: unknown): StageFailed {
  const { code, message } =
    error instanceof FetchFailed ? error : localFailure(`bring "${shownUri(source)}"`, error);
  const words = message.startsWith('Cannot ') ? message : `Cannot bring "${shownUri(source)}": ${message}`;
  return new StageFailed(CODES[code] ?? 'source_unreadable', words, code === 'digest_mismatch');
}

import type { SourceError } from '../errors.ts';
import type { OriginFile } from '../origin.ts';
import type { Pace } from '../pace.ts';
import type { RateLimit } from './throttle.ts';

export interface DownloadProgress {
  /** Of the file, those of an earlier attempt included. */
  readonly bytes: number;
  readonly totalBytes: number;
  /** Over the last seconds; 0 at the start. */
  readonly bytesPerSecond: number;
  readonly secondsLeft: number | null;
}

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  /** At most some times a second, and once at the end. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Connections at a time; 6 unless given. */
  readonly parallel?: number | undefined;
  /** 16 MiB unless given. */
  readonly partBytes?: number | undefined;
  /** Over all connections, and over all downloads that have the same one. */
  readonly throttle?: RateLimit | undefined;
  /** A larger file is `too_large`. */
  readonly maxBytes?: number | undefined;
  /** 64 hex digits that the whole file must have, beside what the origin says. */
  readonly sha256?: string | undefined;
  /** Of one part without a byte in between; 6 unless given. */
  readonly attempts?: number | undefined;
  /** Whether a source that changes is begun anew; else that is `changed`. True unless given. */
  readonly startsOver?: boolean | undefined;
  readonly pace?: Pace | undefined;
}

export interface Downloaded {
  /** The version that lies there now: another one than asked for when the source changed meanwhile. */
  readonly file: OriginFile;
  /** Of these an earlier attempt had brought. */
  readonly resumedBytes: number;
  /** Whether its SHA-256 was compared. */
  readonly verified: boolean;
  readonly wallMs: number;
}

export type DownloadResult =
  | { readonly ok: true; readonly value: Downloaded }
  | { readonly ok: false; readonly error: SourceError };

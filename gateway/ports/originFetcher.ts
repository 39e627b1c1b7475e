/** A file behind a URI, or all files of a split model by the first, in the version that the catalogue saw. */
export interface FetchOrder {
  readonly source: string;
  /** What the source's identity begins with, 16 to 32 hexadecimal digits. */
  readonly version: string;
  /** Absolute; its folder is there. It appears when it is whole; half of it stays beside it for the next attempt. */
  readonly path: string;
  /** Of all files, as they are called beside it; the first is that of `path`. */
  readonly names: readonly string[];
  /** As they lie at their source, together. */
  readonly bytes: number;
  /** Of the file as it lies at its source; null: what its source says of it alone counts. */
  readonly sha256: string | null;
  /** `demand`: somebody waits for it. */
  readonly priority: 'demand' | 'prefetch';
}

/** A file that is on its way. */
export interface OriginFetch {
  /** Resolves when the file is there. Rejects with FetchFailed. */
  readonly done: Promise<void>;
  /** A request waits for it now: nothing holds it back any more. */
  hurry(): void;
  /** Nobody waits for it any more; `done` rejects with `cancelled` unless it is through. */
  cancel(): void;
}

/** Downloads outside of the gateway's own event loop. */
export interface OriginFetcher {
  fetch(
    order: FetchOrder,
    onProgress: (progress: { readonly bytes: number; readonly totalBytes: number }) => void,
  ): OriginFetch;
  /** Ends what is under way. Resolves when nothing writes any more. */
  close(): Promise<void>;
}

/** A file was not brought. What came stays for the next attempt. The message is a sentence of a source's, or the end of one. */
export class FetchFailed extends Error {
  /** Of sources/errors.ts; `fetcher_gone` when who downloads has ended again and again. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

import type { Result } from '../domain/errors.ts';

/** What a weight file says of itself. */
export interface ModelFileFacts {
  /** Absolute path, or the URI of a source, as it was asked for. */
  readonly path: string;
  /** Where the path is a directory: the GGUF file in it that an engine opens, of a split one the first. */
  readonly file?: string;
  readonly kind: 'model' | 'adapter';
  readonly architecture: string;
  /** Trained context in tokens; 0 in an adapter. */
  readonly trainedContextTokens: number;
  /** See CatalogueModel; 0 in an adapter. */
  readonly layers: number;
  readonly kvBytesPerToken: number;
  readonly computeBytes: number;
  /** Files that it is split into; 1: it is one. */
  readonly parts: number;
  /** It, or one of its parts, is a container; an engine opens it only where it was staged. */
  readonly isEncrypted?: boolean;
  /** All files of a split model together; of an encrypted one its plaintext. */
  readonly sizeBytes: number;
  /** Of a directory everything that is in it. */
  readonly filesBytes?: number;
  /** The file's own modification time: stable over restarts, unlike the time of the look. 0: its source does not say. */
  readonly modifiedAtEpochMs: number;
  /**
   * Of files on this machine the digest of path, sizes, inodes, modification and change times, of remote ones of URI, sizes
   * and ETags: another file under the same name differs.
   */
  readonly identity: string;
  /** Of the whole file, 64 hex digits, when its source knows it. */
  readonly sha256?: string;
}

/** What was found, or what was known before where the source cannot be asked now. */
export interface Recalled {
  readonly facts: ModelFileFacts;
  /** Why it was not asked; null: it was. */
  readonly staleBecause: string | null;
}

/** Looks into weight files without loading them; of remote ones only the header is read. */
export interface ModelFiles {
  /**
   * `invalid_request` when there is no readable GGUF file at the path or URI, or not all parts of one, `source_unavailable` when its source
   * cannot be reached now.
   */
  inspect(path: string): Promise<Result<ModelFileFacts>>;
  /** The same, with what was last known in place of a failure to ask a source. */
  recall(path: string): Promise<Result<Recalled>>;
  /** Forgets what is known of sources but these. */
  keepOnly(paths: ReadonlySet<string>): Promise<void>;
}

import type { Result } from '../domain/errors.ts';

/** What a weight file says of itself. */
export interface ModelFileFacts {
  readonly path: string;
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
  /** It is a container; an engine opens it only where it was staged. */
  readonly isEncrypted: boolean;
  /** All files of a split model together; of an encrypted one its plaintext. */
  readonly sizeBytes: number;
  /** The file's own modification time: stable over restarts, unlike the time of the look. */
  readonly modifiedAtEpochMs: number;
  /** Digest of path, size, inode, modification and change time: another file under the same name differs. */
  readonly identity: string;
}

/** Looks into weight files without loading them. */
export interface ModelFiles {
  /** `invalid_request` when there is no readable GGUF file at the path. */
  inspect(path: string): Promise<Result<ModelFileFacts>>;
}

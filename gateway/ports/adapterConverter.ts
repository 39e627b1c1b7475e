import type { Result } from '../domain/errors.ts';
import type { ModelFileFacts } from './modelFile.ts';

/** A GGUF file that was made out of an adapter in another form. */
export interface ConvertedAdapter {
  readonly path: string;
  /** Of everything that the file was made from: the same as long as that is the same, wherever and whenever. */
  readonly digest: string;
  /** Of the input's files: stable, unlike the time of the conversion. */
  readonly modifiedAtEpochMs: number;
  /** Its source cannot be asked now, and this is what it was when it could; absent: it was asked. */
  readonly staleBecause?: string;
}

/** Turns adapters that are not GGUF files into such, when they enter the catalogue and never for a request. */
export interface AdapterConverter {
  /**
   * The file for an adapter at `path`, a directory of this machine or behind a URI, made unless it is there; null when it is
   * none, so that there is nothing to convert. `invalid_request` with `param` `path` when it cannot be converted for this
   * base, `source_unavailable` when its source, or the base's, cannot be asked now.
   */
  convert(path: string, base: ModelFileFacts): Promise<Result<ConvertedAdapter | null>>;
  /** Removes the files that no adapter of the catalogue has. */
  removeUnused(usedPaths: ReadonlySet<string>): Promise<void>;
}

import type { Result } from '../domain/errors.ts';
import type { ModelFileFacts, ModelFiles, Recalled } from '../ports/modelFile.ts';

/** Looks that run at the same time. */
const PARALLEL = 8;

/**
 * The files as one load of the catalogue sees them: each is looked at once, and those that are named ahead at the same
 * time, so that a hundred remote adapters do not wait for one another.
 */
export class LookAhead implements ModelFiles {
  readonly #files: ModelFiles;
  readonly #recalled = new Map<string, Promise<Result<Recalled>>>();

  constructor(files: ModelFiles) {
    this.#files = files;
  }

  async ahead(paths: Iterable<string>): Promise<void> {
    const queue = [...new Set(paths)].values();
    const look = async () => {
      for (const path of queue) await this.recall(path);
    };
    await Promise.all(Array.from({ length: PARALLEL }, look));
  }

  inspect(path: string): Promise<Result<ModelFileFacts>> {
    return this.#files.inspect(path);
  }

  recall(path: string): Promise<Result<Recalled>> {
    const known = this.#recalled.get(path) ?? this.#files.recall(path);
    this.#recalled.set(path, known);
    return known;
  }

  keepOnly(paths: ReadonlySet<string>): Promise<void> {
    return this.#files.keepOnly(paths);
  }
}

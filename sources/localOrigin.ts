import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { localFailure, SourceError } from './errors.ts';
import { byName, type Origin, type OriginFile, shardNames } from './origin.ts';

const CHUNK_BYTES = 2 ** 20;

/** A file, or a folder with everything below it that is a file, on this machine. `path` is absolute. */
export class LocalOrigin implements Origin {
  readonly uri: string;
  readonly #path: string;

  constructor(path: string) {
    this.uri = path;
    this.#path = path;
  }

  async files(): Promise<readonly OriginFile[]> {
    try {
      const stats = await stat(this.#path);
      const names = stats.isDirectory() ? await namesBelow(this.#path) : shardNames(basename(this.#path));
      const files = await Promise.all(names.map((name) => this.#describe(name)));
      return files.sort(byName);
    } catch (error) {
      throw localFailure(`read "${this.#path}"`, error);
    }
  }

  async *read(file: OriginFile, from: number, to: number, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const now = await this.#describe(file.name);
    if (now.etag !== file.etag) {
      throw new SourceError('changed', `Cannot read "${this.#path}": another version is there now`);
    }
    if (from >= to) return;
    try {
      const options = { start: from, end: to - 1, highWaterMark: CHUNK_BYTES, ...(signal ? { signal } : {}) };
      yield* createReadStream(await this.#pathOf(file.name), options);
    } catch (error) {
      if (signal?.aborted) throw new SourceError('cancelled', `Cannot read "${this.#path}": cancelled`);
      throw localFailure(`read "${this.#path}"`, error);
    }
  }

  async #pathOf(name: string): Promise<string> {
    const isFolder = (await stat(this.#path)).isDirectory();
    return join(isFolder ? this.#path : dirname(this.#path), name);
  }

  async #describe(name: string): Promise<OriginFile> {
    try {
      const stats = await stat(await this.#pathOf(name), { bigint: true });
      if (!stats.isFile()) throw new SourceError('not_found', `Cannot read "${this.#path}": expected a file`);
      const { size, mtimeNs, mtimeMs, ino, dev } = stats;
      return {
        name,
        bytes: Number(size),
        etag: `${dev}-${ino}-${size}-${mtimeNs}`,
        modifiedAtEpochMs: Number(mtimeMs),
        sha256: null,
        ranges: true,
      };
    } catch (error) {
      throw localFailure(`read "${this.#path}"`, error);
    }
  }
}

async function namesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)).split(sep).join('/'));
}

import { type FileHandle, open, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { localFailure, SourceError } from '../errors.ts';
import { Journal, type JournalHead, readBootId, readJournal } from './journal.ts';

/** What a block of `st_blocks` has (stat(2)). */
const BLOCK_BYTES = 512;

/**
 * The file while it is made: `<path>.part` in its whole size and `<path>.part.journal` beside it, which knows the parts
 * that are on disk. Becomes `<path>` by one rename. Whoever opens it is the only one to.
 */
export class PartFile {
  readonly path: string;
  readonly done: ReadonlySet<number>;
  readonly #file: FileHandle;
  readonly #journal: Journal;
  readonly #finished: number[] = [];
  #syncing: Promise<void> | null = null;

  private constructor(path: string, file: FileHandle, journal: Journal, done: ReadonlySet<number>) {
    this.path = path;
    this.#file = file;
    this.#journal = journal;
    this.done = done;
  }

  /** Goes on where the journal of the same version left off, else begins. `no_space` when the disk cannot hold it. */
  static async open(path: string, head: JournalHead): Promise<PartFile> {
    try {
      const bootId = await readBootId();
      const known = await readJournal(`${path}.part.journal`, head, bootId);
      const stats = await stat(`${path}.part`).catch(() => null);
      const done = known && stats?.size === head.bytes ? known : null;
      if (!done) await removeParts(path);
      await checkRoom(path, head.bytes - (done && stats ? stats.blocks * BLOCK_BYTES : 0));
      const file = await open(`${path}.part`, done ? 'r+' : 'w+', 0o600);
      try {
        await file.truncate(head.bytes);
        const journal = done
          ? await Journal.resume(`${path}.part.journal`, bootId)
          : await Journal.create(`${path}.part.journal`, head, bootId);
        return new PartFile(path, file, journal, done ?? new Set());
      } catch (error) {
        await file.close();
        throw error;
      }
    } catch (error) {
      throw localFailure(`write "${path}"`, error);
    }
  }

  async write(chunks: readonly Uint8Array[], at: number): Promise<void> {
    try {
      const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
      const { bytesWritten } = await this.#file.writev(chunks, at);
      // A disk that runs full in the middle takes what it can; the rest then fails with the reason.
      if (bytesWritten < bytes)
        await this.#writeRest(Buffer.concat(chunks).subarray(bytesWritten), at + bytesWritten);
    } catch (error) {
      throw localFailure(`write "${this.path}"`, error);
    }
  }

  async read(target: Uint8Array, at: number): Promise<number> {
    try {
      return (await this.#file.read(target, 0, target.length, at)).bytesRead;
    } catch (error) {
      throw localFailure(`read "${this.path}.part"`, error);
    }
  }

  /**
   * A part is written whole: noted when this resolves. It is synced beside the transfer, several parts at once when the
   * disk is slower; a failure of that comes out of `publish`.
   */
  async commit(part: number): Promise<void> {
    try {
      await this.#journal.written(part);
    } catch (error) {
      throw localFailure(`write "${this.path}"`, error);
    }
    this.#finished.push(part);
    this.#syncing ??= this.#syncAll().finally(() => {
      this.#syncing = null;
    });
    this.#syncing.catch(() => {});
  }

  /** Puts it in its place, on disk. */
  async publish(): Promise<void> {
    try {
      await this.#syncing;
      await this.#file.sync();
      await this.close();
      await rename(`${this.path}.part`, this.path);
      await rm(`${this.path}.part.journal`, { force: true });
      await syncDirectory(dirname(this.path));
    } catch (error) {
      throw localFailure(`write "${this.path}"`, error);
    }
  }

  /** What is there stays, for the next attempt. */
  async close(): Promise<void> {
    await this.#syncing?.catch(() => {});
    await Promise.all([this.#file.close(), this.#journal.close()]);
  }

  async #syncAll(): Promise<void> {
    while (this.#finished.length > 0) {
      const parts = this.#finished.splice(0);
      await this.#file.datasync();
      await this.#journal.synced(parts);
    }
  }

  async #writeRest(rest: Uint8Array, at: number): Promise<void> {
    for (let written = 0; written < rest.length; ) {
      written += (await this.#file.write(rest, written, rest.length - written, at + written)).bytesWritten;
    }
  }
}

/** Forgets a half-made file. */
export async function removeParts(path: string): Promise<void> {
  await rm(`${path}.part.journal`, { force: true });
  await rm(`${path}.part`, { force: true });
}

async function checkRoom(path: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path));
  if (neededBytes <= bavail * bsize) return;
  const why = `expected ${neededBytes} bytes free, got ${bavail * bsize}`;
  throw new SourceError('no_space', `Cannot write "${path}": the disk is full, ${why}`);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

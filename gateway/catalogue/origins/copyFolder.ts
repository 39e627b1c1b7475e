import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

const KEY = /^[0-9a-f]{32}$/;

interface Copy {
  readonly key: string;
  /** Half-made ones have their whole size. */
  readonly bytes: number;
  readonly usedAtMs: number;
}

/**
 * `<directory>/<key>/<file name>`: a folder for each version of a source that was brought here, with all files of a split model. Its modification time says
 * when it was used last.
 */
export class CopyFolder {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  pathOf(key: string, fileName: string): string {
    return join(this.directory, key, fileName);
  }

  async prepare(key: string): Promise<void> {
    await mkdir(join(this.directory, key), { recursive: true, mode: 0o700 });
  }

  /** Whether all of the files are there, so many bytes together; then they count as used now. */
  async use(key: string, fileNames: readonly string[], bytes: number): Promise<boolean> {
    let found = 0;
    for (const fileName of fileNames) {
      const stats = await stat(this.pathOf(key, fileName)).catch(() => null);
      if (!stats?.isFile()) return false;
      found += stats.size;
    }
    if (found !== bytes) return false;
    const now = new Date();
    // Only the order in which copies go depends on it.
    await utimes(join(this.directory, key), now, now).catch(() => {});
    return true;
  }

  /** Removes what was used longest ago, but for `kept`, until the others have at most `bytes`. */
  async shrinkTo(bytes: number, kept: ReadonlySet<string>): Promise<void> {
    const others = (await this.#list()).filter(({ key }) => !kept.has(key));
    let used = others.reduce((sum, copy) => sum + copy.bytes, 0);
    for (const copy of others.toSorted((a, b) => a.usedAtMs - b.usedAtMs)) {
      if (used <= bytes) return;
      await this.remove(copy.key);
      used -= copy.bytes;
    }
  }

  async removeAllBut(used: ReadonlySet<string>): Promise<void> {
    for (const { key } of await this.#list()) if (!used.has(key)) await this.remove(key);
  }

  async remove(key: string): Promise<void> {
    await rm(join(this.directory, key), { recursive: true, force: true });
  }

  async #list(): Promise<Copy[]> {
    const keys = (await namesIn(this.directory)).filter((name) => KEY.test(name));
    return Promise.all(keys.map((key) => this.#look(key)));
  }

  async #look(key: string): Promise<Copy> {
    const folder = join(this.directory, key);
    let bytes = 0;
    for (const name of await namesIn(folder)) bytes += (await stat(join(folder, name))).size;
    return { key, bytes, usedAtMs: (await stat(folder)).mtimeMs };
  }
}

async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}

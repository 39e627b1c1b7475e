import { createHash } from 'node:crypto';
import { constants, type FileHandle, open, readFile } from 'node:fs/promises';
import type { OriginFile } from '../origin.ts';

/** What a half-made file is of. Another one of these is begun from the start. */
export interface JournalHead {
  readonly format: 1;
  /** Of the source's shown name; queries, which may be signed, are not in it. */
  readonly source: string;
  readonly bytes: number;
  readonly etag: string | null;
  readonly modifiedAtEpochMs: number | null;
  readonly sha256: string | null;
  readonly partBytes: number;
}

export function journalHead(uri: string, file: OriginFile, partBytes: number): JournalHead {
  const source = createHash('sha256').update(`${uri}\0${file.name}`).digest('hex');
  const { bytes, etag, modifiedAtEpochMs, sha256 } = file;
  return { format: 1, source, bytes, etag, modifiedAtEpochMs, sha256, partBytes };
}

/**
 * The parts that are there whole; null when there is no journal of this very version. Lines after the head: `boot ID`
 * begins what was noted in one life of the system, `w N` a part that was written, `s N` one that is on disk, too. What was
 * only written counts as long as the system has not started again since: it outlives the process, not a power cut.
 */
export async function readJournal(
  path: string,
  head: JournalHead,
  bootId: string,
): Promise<Set<number> | null> {
  // Nothing tells versions of such a file apart.
  if (head.etag === null && head.modifiedAtEpochMs === null && head.sha256 === null) return null;
  const text = await readFile(path, 'utf8').catch(() => '');
  const [first = '', ...lines] = text.split('\n');
  if (first !== JSON.stringify(head)) return null;
  const there = new Set<number>();
  let boot = '';
  // What follows the last newline is a line that a crash has cut off.
  for (const line of lines.slice(0, -1)) {
    const [, kind, value = ''] = /^(boot|w|s) (\S{1,64})$/.exec(line) ?? [];
    if (kind === 'boot') boot = value;
    else if (kind !== undefined && /^\d{1,9}$/.test(value) && (kind === 's' || boot === bootId))
      there.add(Number(value));
  }
  return there;
}

/** Names this life of the system; empty where it has no name, so that nothing counts that is not on disk. */
export async function readBootId(): Promise<string> {
  const text = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return text.trim() || `unknown-${process.pid}`;
}

/** Appends one line after the other. */
export class Journal {
  readonly #file: FileHandle;
  #last: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(path: string, head: JournalHead, bootId: string): Promise<Journal> {
    const { O_APPEND, O_CREAT, O_TRUNC, O_WRONLY } = constants;
    const file = await open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600);
    const journal = new Journal(file);
    await journal.#append(`${JSON.stringify(head)}\nboot ${bootId}\n`);
    return journal;
  }

  /** A cut-off last line is closed: it counts as none. */
  static async resume(path: string, bootId: string): Promise<Journal> {
    const journal = new Journal(await open(path, 'a', 0o600));
    await journal.#append(`\nboot ${bootId}\n`);
    return journal;
  }

  written(part: number): Promise<void> {
    return this.#append(`w ${part}\n`);
  }

  synced(parts: readonly number[]): Promise<void> {
    return this.#append(parts.map((part) => `s ${part}\n`).join(''));
  }

  async close(): Promise<void> {
    await this.#last.catch(() => {});
    await this.#file.close();
  }

  #append(text: string): Promise<void> {
    const done = this.#last.then(() => this.#file.appendFile(text));
    this.#last = done.catch(() => {});
    return done;
  }
}

import { createReadStream } from 'node:fs';
import type { ComboName } from '../domain/ids.ts';
import type { Log } from '../ports/log.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;

/**
 * Until there is a weight store a staged combo is one whose files are in the kernel's page cache: they are read through
 * once, one file at a time, so that a later load maps them without the disk.
 */
export class PageCache {
  readonly #log: Log;
  readonly #done = new Set<ComboName>();
  #reading: Promise<void> = Promise.resolve();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Whether the combo's files were read since this gateway started. */
  has(name: ComboName): boolean {
    return this.#done.has(name);
  }

  /** Reads them after what is being read. A file that cannot be read is logged; a start would say the same. */
  read(name: ComboName, paths: readonly string[]): void {
    this.#done.delete(name);
    this.#reading = this.#reading.then(async () => {
      try {
        for (const path of paths) await readThrough(path);
        this.#done.add(name);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        this.#log.warn({ combo: name, error: message }, 'files of a staged combo could not be read');
      }
    });
  }
}

async function readThrough(path: string): Promise<void> {
  for await (const _chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    // Only that the kernel has it counts.
  }
}

import { isDeepStrictEqual } from 'node:util';
import { FREE, type PriceBook, type PriceVersion } from '../domain/prices.ts';
import type { Clock } from '../ports/clock.ts';
import type { PriceStore } from '../ports/priceStore.ts';

const UNSET: PriceVersion = { version: 0, book: FREE, author: 'config', createdAtEpochMs: 0 };

/** What the doors need of the prices. */
export type PriceControl = Pick<PriceList, 'current' | 'all' | 'set'>;

/** All versions of the price book, the newest of which is in force. Changes run one after the other. */
export class PriceList {
  readonly #store: PriceStore;
  readonly #clock: Clock;
  readonly #versions: PriceVersion[] = [UNSET];
  #last: Promise<unknown> = Promise.resolve();

  constructor(store: PriceStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Once, before anything else. */
  async restore(): Promise<void> {
    this.#versions.push(...(await this.#store.load()));
  }

  /** Those in force. */
  current(): PriceVersion {
    return this.#versions.at(-1) ?? UNSET;
  }

  /** The oldest first; version 0, under which everything is free, before all that were set. */
  all(): readonly PriceVersion[] {
    return this.#versions;
  }

  /** Puts a book in force, as a new version unless it is what is in force. Resolves when it is on disk. */
  set(book: PriceBook, author: PriceVersion['author']): Promise<PriceVersion> {
    return this.#serially(() => this.#put(book, author));
  }

  /**
   * What the configuration file says now. It counts when it differs from what the file said last, so that a restart does
   * not undo what was set since by the admin API. Nothing in the file: what is in force stays.
   */
  configured(book: PriceBook | null): Promise<PriceVersion> {
    return this.#serially(async () => {
      const last = this.#versions.findLast(({ author, version }) => author === 'config' && version > 0);
      if (book === null || isDeepStrictEqual(plain(book), last && plain(last.book))) return this.current();
      return this.#put(book, 'config');
    });
  }

  async #put(book: PriceBook, author: PriceVersion['author']): Promise<PriceVersion> {
    const current = this.current();
    if (isDeepStrictEqual(plain(book), plain(current.book))) return current;
    const version = {
      version: current.version + 1,
      book: plain(book),
      author,
      createdAtEpochMs: this.#clock.epochMs(),
    };
    await this.#store.add(version);
    this.#versions.push(version);
    return version;
  }

  #serially<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}

/** As it comes back from the store: without what is undefined. */
function plain(book: PriceBook): PriceBook {
  return JSON.parse(JSON.stringify(book)) as PriceBook;
}

import type { Book } from '../native/storeTypes.ts';
import type { Tier } from './tiers.ts';

/**
 * Puts what was staged into huge pages where its file system has none by itself: one segment after the other, behind
 * everything that a request waits for. What cannot be stays as it is.
 */
export class Collapses {
  #last: Promise<unknown> = Promise.resolve();

  add({ store }: Tier, book: Book, contentId: string): void {
    // A segment may go, and so may this process: neither is anybody's concern.
    this.#last = this.#last.then(() => store.collapse(book, contentId)).catch(() => {});
  }
}

import type { FromStager, StageSource, TierSettings } from '../../../stager/protocol/messages.ts';
import type { Log } from '../../ports/log.ts';
import type { StageOrder } from '../../ports/weightStore.ts';
import type { SealedStaging } from './sealedStaging.ts';
import type { StagerAnswer, StagerOrderBody } from './stagerProcess.ts';

type Staged = Extract<FromStager, { type: 'staged' }>;

/** From these a copy on the local disk is no gain: the source is on one. */
const LOCAL = new Set(['local', 'tmpfs', 'overlay']);

/**
 * The tier between memory and origin: what was brought from a slow place is kept on a local disk, so that an eviction or a
 * reboot does not go back there. What was used longest ago makes room.
 */
export class DiskTier {
  readonly #settings: TierSettings;
  readonly #order: (body: StagerOrderBody) => Promise<StagerAnswer>;
  readonly #sealed: SealedStaging;
  readonly #log: Log;
  /** Content ids, the one used longest ago first. */
  readonly #used = new Map<string, true>();
  #writing: Promise<unknown> = Promise.resolve();

  constructor(
    settings: TierSettings,
    order: (body: StagerOrderBody) => Promise<StagerAnswer>,
    sealed: SealedStaging,
    log: Log,
  ) {
    this.#settings = settings;
    this.#order = order;
    this.#sealed = sealed;
    this.#log = log;
  }

  /** The content id of the source's copy on disk; null: there is none. */
  async find({ key, book }: StageOrder): Promise<string | null> {
    const answer = await this.#order({ type: 'lookup', book, sourceKey: key });
    const contentId = answer.type === 'found' ? answer.disk : null;
    if (contentId !== null) this.#touch(contentId);
    return contentId;
  }

  /** Copies what has just been staged, one after the other, behind all that somebody waits for. */
  keep(order: StageOrder, staged: Staged): void {
    if (LOCAL.has(staged.fileSystem)) return;
    this.#writing = this.#writing
      .then(() => this.#write(order, staged))
      .catch((error: Error) => {
        this.#log.warn(
          { source: order.key, error: error.message },
          'weights were not kept on the local disk',
        );
      });
  }

  async #write({ key, book, source }: StageOrder, { contentId, bytes, encrypted }: Staged): Promise<void> {
    await this.#makeRoom(book, bytes);
    // Plaintext of an encrypted file stays in memory: the disk gets the file as it is.
    const from: StageSource = encrypted
      ? { kind: 'path', path: source }
      : { kind: 'segment', tier: 'memory', contentId };
    const wanted = { type: 'stage', tier: 'disk', book, sourceKey: key, priority: 'prefetch' } as const;
    const answer = await this.#sealed.stage(this.#order, { ...wanted, sources: [from] }, source);
    if (answer.type !== 'staged') return;
    this.#touch(answer.contentId);
    await this.#order({ type: 'release', leaseId: answer.leaseId });
  }

  async #makeRoom(book: StageOrder['book'], bytes: number): Promise<void> {
    const budget = this.#settings.budgets[book];
    const answer = await this.#order({ type: 'list', tier: 'disk' });
    if (budget === null || answer.type !== 'listed') return;
    const own = answer.segments.filter((segment) => segment.book === book);
    let free = budget - own.reduce((sum, segment) => sum + segment.bytes, 0);
    const order = [...this.#used.keys()];
    own.sort(
      (a, b) =>
        order.indexOf(a.contentId) - order.indexOf(b.contentId) || a.stagedAtEpochMs - b.stagedAtEpochMs,
    );
    for (const { contentId } of own) {
      if (free >= bytes) return;
      const evicted = await this.#order({ type: 'evict', tier: 'disk', book, contentId });
      if (evicted.type === 'evicted') free += evicted.bytes;
      this.#used.delete(contentId);
    }
  }

  #touch(contentId: string): void {
    this.#used.delete(contentId);
    this.#used.set(contentId, true);
  }
}

import type { StageProgress, StoreAddon } from '../native/storeTypes.ts';
import { Collapses } from './collapses.ts';
import { StagerError, toFailure } from './failure.ts';
import { Leases } from './leases.ts';
import type { FromStager, StagerOrder } from './protocol/messages.ts';
import { Stagings } from './stagings.ts';
import type { Tiers } from './tiers.ts';

type Answer = (message: FromStager) => void;

/** Carries out orders. They do not wait for one another; each gets one answer. */
export class Orders {
  readonly #addon: StoreAddon;
  readonly #tiers: Tiers;
  readonly #leases = new Leases();
  readonly #stagings: Stagings;

  constructor(addon: StoreAddon, tiers: Tiers, collapses: boolean) {
    this.#addon = addon;
    this.#tiers = tiers;
    this.#stagings = new Stagings(addon, tiers, this.#leases, collapses ? new Collapses() : null);
  }

  async take(order: StagerOrder, answer: Answer): Promise<void> {
    try {
      answer(await this.#perform(order, answer));
    } catch (error) {
      answer({ type: 'failed', seq: order.seq, failure: toFailure(error) });
    }
  }

  async #perform(order: StagerOrder, answer: Answer): Promise<FromStager> {
    const { seq } = order;
    switch (order.type) {
      case 'describe': {
        const { realPath: _, ...description } = await this.#addon.describeSource(order.path, order.digest);
        return { type: 'described', seq, ...description };
      }
      case 'lookup':
        return { type: 'found', seq, ...this.#tiers.lookup(order.book, order.sourceKey) };
      case 'stage':
        return this.#stagings.stage(order, (progress) => answer(toldProgress(seq, progress)));
      case 'hurry':
        this.#stagings.hurry(order.stageSeq);
        return { type: 'done', seq };
      case 'cancel':
        this.#stagings.cancel(order.stageSeq);
        return { type: 'done', seq };
      case 'acquire': {
        const lease = this.#tiers.get(order.tier).store.acquire(order.book, order.contentId);
        if (!lease)
          throw new StagerError('absent', `Cannot acquire "${order.contentId}": it is not there`, false);
        return { type: 'acquired', seq, path: lease.path, leaseId: this.#leases.hold(lease) };
      }
      case 'release':
        this.#leases.release(order.leaseId);
        return { type: 'done', seq };
      case 'evict':
        return {
          type: 'evicted',
          seq,
          ...(await this.#tiers.get(order.tier).store.evict(order.book, order.contentId)),
        };
      case 'list':
        return { type: 'listed', seq, segments: await this.#tiers.list(order.tier) };
      case 'usage':
        return { type: 'usage', seq, ...(await this.#tiers.get(order.tier).store.usage()) };
      case 'sweep':
        return { type: 'swept', seq, ...(await this.#tiers.get(order.tier).store.sweep()) };
      case 'cap':
        this.#tiers.setPrefetchCap(order.prefetchBytesPerSecond);
        return { type: 'done', seq };
      case 'ping':
        return { type: 'pong', seq, stagings: this.#stagings.size, leases: this.#leases.size };
    }
  }
}

function toldProgress(seq: number, { bytes, readyBytes, bytesPerSecond, joined }: StageProgress): FromStager {
  const secondsLeft = bytesPerSecond > 0 ? Math.max(0, bytes - readyBytes) / bytesPerSecond : null;
  return { type: 'progress', seq, bytes, readyBytes, bytesPerSecond, secondsLeft, joined };
}

import type {
  NativeLease,
  StagedSegment,
  StageJob,
  StageOptions,
  StageProgress,
  StoreAddon,
} from '../native/storeTypes.ts';
import type { Collapses } from './collapses.ts';
import { isStoreError, StagerError } from './failure.ts';
import type { Leases } from './leases.ts';
import type { EncodedKey, FromStager, StageSource, ToStager } from './protocol/messages.ts';
import { fileNameOf, type Tier, type Tiers } from './tiers.ts';

type StageOrder = Extract<ToStager, { type: 'stage' }>;
type Staged = Extract<FromStager, { type: 'staged' }>;
type OnProgress = (progress: StageProgress) => void;

/** What no other source would change. */
const FINAL_CODES = new Set([
  'cancelled',
  'store_full',
  'invalid_argument',
  'out_of_memory',
  'store_failed',
  // With the key this source may well do, and the next may be gone.
  'key_required',
]);

/** An order under way. */
interface Ticket {
  readonly onProgress: OnProgress;
  hurried: boolean;
  cancelled: boolean;
  flight: Flight | null;
  /** Ends its wait for the flight. */
  leave: (reason: StagerError) => void;
}

interface Landing {
  readonly segment: StagedSegment;
  readonly sourceIndex: number;
  readonly from: Staged['from'];
}

/** One staging and the orders that wait for it. It is cancelled when the last of them leaves. */
interface Flight {
  readonly tickets: Set<Ticket>;
  readonly landed: Promise<Landing>;
  hurried: boolean;
  cancelled: boolean;
  job: StageJob | null;
}

/**
 * Carries out `stage` orders. Those for one source are one staging, which is as urgent as the most urgent of them; what
 * other processes stage is joined by the native side. An order with keys is a staging of its own: it must not fail for want
 * of a key that another has not.
 */
export class Stagings {
  readonly #addon: StoreAddon;
  readonly #tiers: Tiers;
  readonly #leases: Leases;
  readonly #collapses: Collapses | null;
  readonly #flights = new Map<string, Flight>();
  readonly #tickets = new Map<number, Ticket>();

  constructor(addon: StoreAddon, tiers: Tiers, leases: Leases, collapses: Collapses | null) {
    this.#addon = addon;
    this.#tiers = tiers;
    this.#leases = leases;
    this.#collapses = collapses;
  }

  get size(): number {
    return this.#flights.size;
  }

  /** Rejects with a StoreError or a StagerError. */
  async stage(order: StageOrder, onProgress: OnProgress): Promise<Staged> {
    const ticket: Ticket = {
      onProgress,
      hurried: order.priority === 'demand',
      cancelled: false,
      flight: null,
      leave: () => {},
    };
    this.#tickets.set(order.seq, ticket);
    try {
      return await this.#land(order, ticket);
    } finally {
      this.#tickets.delete(order.seq);
    }
  }

  /** A request waits for it now. Nothing happens when it is through. */
  hurry(stageSeq: number): void {
    const ticket = this.#tickets.get(stageSeq);
    if (!ticket) return;
    ticket.hurried = true;
    if (ticket.flight) hurryUp(ticket.flight);
  }

  /** The order is answered with `cancelled`. Nothing happens when it is through. */
  cancel(stageSeq: number): void {
    const ticket = this.#tickets.get(stageSeq);
    if (!ticket) return;
    ticket.cancelled = true;
    ticket.leave(cancelled());
  }

  async #land(order: StageOrder, ticket: Ticket): Promise<Staged> {
    const tier = this.#tiers.get(order.tier);
    const sourceKey = order.sourceKey ?? (await this.#keyOf(order));
    if (ticket.cancelled) throw cancelled();
    const own = order.keys ? `/${order.seq}` : '';
    const name = `${order.tier}/${order.book}/${sourceKey}${own}`;
    const joined = this.#flights.get(name);
    const flight = joined ?? this.#begin(name, order, tier, sourceKey);
    if (ticket.hurried) hurryUp(flight);
    const { segment, sourceIndex, from } = await this.#wait(name, flight, ticket);
    // Each order has a lease of its own; the flight's goes when all of them have theirs.
    const lease = this.#acquire(tier, order, segment);
    const { lease: _flightLease, ...report } = segment;
    return {
      type: 'staged',
      seq: order.seq,
      ...report,
      outcome: joined && segment.outcome === 'staged' ? 'joined' : segment.outcome,
      sourceKey,
      path: lease.path,
      fileName: fileNameOf(lease.path),
      leaseId: this.#leases.hold(lease),
      sourceIndex,
      from,
    };
  }

  async #keyOf({ sources, digest }: StageOrder): Promise<string> {
    const path = sources.find((source) => source.kind === 'path');
    if (path) return (await this.#addon.describeSource(path.path, digest)).sourceKey;
    throw new StagerError('invalid_argument', 'Cannot stage a segment: expected the key of its source', true);
  }

  #begin(name: string, order: StageOrder, tier: Tier, sourceKey: string): Flight {
    const flight: Flight = {
      tickets: new Set(),
      hurried: false,
      cancelled: false,
      job: null,
      landed: Promise.resolve().then(() => this.#fly(flight, order, tier, sourceKey)),
    };
    this.#flights.set(name, flight);
    void flight.landed.then(({ segment }) => this.#collapse(tier, order, segment)).catch(() => {});
    const ended = (): void => this.#forget(name, flight);
    flight.landed.then(ended, ended);
    // Its lease covers the moment until every order has its own.
    void flight.landed.then(({ segment }) => setImmediate(() => segment.lease.release())).catch(() => {});
    return flight;
  }

  /** Tries the sources in order; the last failure counts. */
  async #fly(flight: Flight, order: StageOrder, tier: Tier, sourceKey: string): Promise<Landing> {
    const { book, digest, numaNode } = order;
    let last: Error = new StagerError(
      'source_missing',
      'Cannot stage the source: none of its places has it',
      true,
    );
    for (const [sourceIndex, source] of order.sources.entries()) {
      if (flight.cancelled) break;
      const opened = this.#open(source, book);
      if (opened === null) continue;
      const options: StageOptions = {
        source: opened,
        sourceKey,
        book,
        priority: flight.hurried ? 'demand' : 'prefetch',
        budgetBytes: tier.settings.budgets[book],
        ...(digest === undefined ? {} : { digest }),
        ...(numaNode === undefined ? {} : { numaNode }),
      };
      try {
        const job = withKeys(order.keys, (keys) =>
          tier.store.stage({ ...options, ...keys }, (progress) => {
            for (const { onProgress } of flight.tickets) onProgress(progress);
          }),
        );
        flight.job = job;
        const segment = await job.done;
        return { segment, sourceIndex, from: fromOf(source, segment) };
      } catch (error) {
        if (!isStoreError(error) || FINAL_CODES.has(error.code)) throw error;
        last = error;
      } finally {
        if (typeof opened !== 'string') opened.release();
      }
    }
    throw last;
  }

  #open(source: StageSource, book: StageOrder['book']): string | NativeLease | null {
    if (source.kind === 'path') return source.path;
    return this.#tiers.get(source.tier).store.acquire(book, source.contentId);
  }

  #wait(name: string, flight: Flight, ticket: Ticket): Promise<Landing> {
    return new Promise<Landing>((resolve, reject) => {
      ticket.flight = flight;
      ticket.leave = reject;
      flight.tickets.add(ticket);
      flight.landed.then(resolve, reject);
    }).finally(() => {
      flight.tickets.delete(ticket);
      if (flight.tickets.size > 0) return;
      // Who comes now begins anew: the native side lets it wait until this one has ended.
      this.#forget(name, flight);
      flight.cancelled = true;
      flight.job?.cancel();
    });
  }

  #collapse(tier: Tier, { book }: StageOrder, { outcome, contentId }: StagedSegment): void {
    if (tier === this.#tiers.memory && outcome === 'staged') this.#collapses?.add(tier, book, contentId);
  }

  #forget(name: string, flight: Flight): void {
    if (this.#flights.get(name) === flight) this.#flights.delete(name);
  }

  #acquire(tier: Tier, order: StageOrder, segment: StagedSegment): NativeLease {
    const lease = tier.store.acquire(order.book, segment.contentId);
    if (lease) return lease;
    throw new StagerError('store_failed', `Cannot use "${segment.lease.path}": it has gone`, false);
  }
}

function hurryUp(flight: Flight): void {
  flight.hurried = true;
  flight.job?.hurry();
}

/** Of what is joined or there the native side has read nothing. */
function fromOf(source: StageSource, { outcome }: StagedSegment): Staged['from'] {
  if (outcome === 'joined' || outcome === 'present') return null;
  return source.kind === 'path' ? 'path' : source.tier;
}

function cancelled(): StagerError {
  return new StagerError('cancelled', 'Cannot stage the source: cancelled', false);
}

/** Calls with the keys as bytes, which are wiped when it returns: the native side has its copy then. */
function withKeys<T>(
  encoded: readonly EncodedKey[] | undefined,
  use: (options: Pick<StageOptions, 'keys'>) => T,
): T {
  if (!encoded) return use({});
  const keys = encoded.map(({ name, key }) => ({ name, key: Buffer.from(key, 'base64') }));
  try {
    return use({ keys });
  } finally {
    for (const { key } of keys) key.fill(0);
  }
}

import type { FetchCredentials } from '../../../fetcher/protocol/messages.ts';
import type { Log } from '../../ports/log.ts';
import {
  FetchFailed,
  type FetchOrder,
  type OriginFetch,
  type OriginFetcher,
} from '../../ports/originFetcher.ts';
import { FetcherGone, FetcherProcess, type FetcherSettings, STUCK } from './fetcherProcess.ts';

export interface ChildFetcherDeps {
  readonly settings: FetcherSettings;
  /** What that source is asked with, read each time. */
  readonly credentials: (source: string) => Promise<FetchCredentials>;
  /** How long a process is kept for the next order. */
  readonly idleMs: number;
  readonly log: Log;
}

/** Ends of the process without a byte in between, before a download is given up. */
const MOST_ENDS = 3;

/** An order and what has become of it. */
interface Underway {
  readonly order: FetchOrder;
  readonly onProgress: Parameters<OriginFetcher['fetch']>[1];
  isHurried: boolean;
  isCancelled: boolean;
  /** Where it is now; null: between two processes. */
  at: { readonly process: FetcherProcess; readonly seq: number } | null;
  mostBytes: number;
}

/**
 * Downloads in a child process, which is started for the first of them and ends when it is idle. One that dies or hangs is
 * replaced, and its downloads go on where they were.
 */
export class ChildFetcher implements OriginFetcher {
  readonly #deps: ChildFetcherDeps;
  #process: FetcherProcess | null = null;
  /** All that have not gone yet. */
  readonly #processes = new Set<FetcherProcess>();
  #idle: NodeJS.Timeout | undefined;
  #underway = 0;
  #started = 0;
  #closed = false;

  constructor(deps: ChildFetcherDeps) {
    this.#deps = deps;
  }

  /** Of the process that downloads; null: there is none now. */
  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  fetch(order: FetchOrder, onProgress: Underway['onProgress']): OriginFetch {
    const isHurried = order.priority === 'demand';
    const underway: Underway = { order, onProgress, isHurried, isCancelled: false, at: null, mostBytes: 0 };
    return {
      done: this.#whileBusy(() => this.#run(underway)),
      hurry: () => {
        underway.isHurried = true;
        underway.at?.process.hurry(underway.at.seq);
      },
      cancel: () => {
        underway.isCancelled = true;
        underway.at?.process.cancel(underway.at.seq);
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    const processes = [...this.#processes];
    for (const process of processes) process.stop();
    await Promise.all(processes.map(({ over }) => over));
  }

  /** Goes on in another process when one has gone. */
  async #run(underway: Underway): Promise<void> {
    for (let ends = 0; ; ) {
      const credentials = await this.#deps.credentials(underway.order.source);
      if (this.#closed || underway.isCancelled) throw new FetchFailed('cancelled', 'cancelled');
      const before = underway.mostBytes;
      try {
        return await this.#attempt(underway, credentials);
      } catch (error) {
        if (!(error instanceof FetcherGone)) throw error;
        if (this.#closed) throw new FetchFailed('cancelled', 'the gateway is shutting down');
        ends = underway.mostBytes > before ? 1 : ends + 1;
        this.#deps.log.warn({ how: error.message, ends }, 'fetcher has gone');
        if (ends >= MOST_ENDS)
          throw new FetchFailed(
            'fetcher_gone',
            `the process that downloads ends each time: it ${error.message}`,
          );
      }
    }
  }

  async #attempt(underway: Underway, credentials: FetchCredentials): Promise<void> {
    const { order, onProgress, isHurried } = underway;
    const { source, version, path, bytes: maxBytes, sha256 } = order;
    const names = [...order.names];
    const process = this.#living();
    const priority = isHurried ? 'demand' : 'prefetch';
    const body = { source, version, path, names, maxBytes, sha256, priority, credentials } as const;
    const { seq, done } = process.fetch(body, (progress) => {
      underway.mostBytes = Math.max(underway.mostBytes, progress.bytes);
      onProgress({ bytes: progress.bytes, totalBytes: progress.totalBytes });
    });
    underway.at = { process, seq };
    try {
      await done;
    } finally {
      underway.at = null;
    }
  }

  /** A process is kept while there is an order, and for a while after. */
  async #whileBusy(work: () => Promise<void>): Promise<void> {
    this.#underway += 1;
    clearTimeout(this.#idle);
    try {
      await work();
    } finally {
      this.#underway -= 1;
      if (this.#underway === 0 && !this.#closed) {
        this.#idle = setTimeout(() => this.#process?.stop(), this.#deps.idleMs);
        this.#idle.unref();
      }
    }
  }

  #living(): FetcherProcess {
    if ([...this.#processes].some(({ isStuck }) => isStuck)) throw new FetchFailed('fetcher_gone', STUCK);
    if (this.#process && !this.#process.isEnding) return this.#process;
    this.#started += 1;
    const started = new FetcherProcess(this.#deps.settings, this.#started);
    this.#process = started;
    this.#processes.add(started);
    void started.over.then(() => {
      if (!started.isStuck) this.#processes.delete(started);
      if (this.#process === started) this.#process = null;
    });
    return started;
  }
}

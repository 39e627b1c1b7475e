import type { ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import {
  FETCHER_PROTOCOL_VERSION,
  type FetchMessage,
  type FromFetcher,
  fromFetcherSchema,
  type ToFetcher,
} from '../../../fetcher/protocol/messages.ts';
import { JsonPipe } from '../../../runner/protocol/jsonPipe.ts';
import { FetchFailed } from '../../ports/originFetcher.ts';
import { type ChildSettings, spawnChild, whenOver } from '../processes/childProcess.ts';
import { Termination } from '../processes/termination.ts';

/** How fetcher processes are started. */
export interface FetcherSettings extends ChildSettings {
  readonly prefetchBytesPerSecond: number | null;
  /** One that has work and says nothing for so long hangs; it says something every second. */
  readonly silenceMs: number;
}

type FetchBody = Omit<FetchMessage, 'type' | 'seq'>;
type OnProgress = (progress: { readonly bytes: number; readonly totalBytes: number }) => void;

/** The fetcher has gone, or never came up. Its files can be gone on with. */
export class FetcherGone extends Error {}

interface Pending {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: OnProgress;
}

/** Of its silence; more than one must pass unheard, so that a gateway that stood still itself does not take its fetcher for dead. */
const CHECKS = 5;
/** From the first word to SIGKILL it has 4 s. */
const END_LIMIT_MS = 10_000;
export const STUCK = 'the process that downloads does not end';

/** One fetcher process and its control pipe. */
export class FetcherProcess {
  /** Resolves when it has gone, so that nothing of it writes any more, or does not go whatever is done. */
  readonly over: Promise<void>;
  readonly #child: ChildProcess;
  readonly #pipe: JsonPipe<FromFetcher, ToFetcher>;
  readonly #pending = new Map<number, Pending>();
  readonly #termination: Termination;
  readonly #watch: NodeJS.Timeout;
  #silentChecks = 0;
  #nextSeq = 1;
  #state: 'living' | 'ending' | 'stuck' | 'gone' = 'living';
  /** What was wrong with it; null: nothing that was seen from here. */
  #fault: string | null = null;
  #limit: NodeJS.Timeout | undefined;
  #resolveOver: () => void = () => {};

  /** Throws FetcherGone when there is no descriptor for it. */
  constructor(settings: FetcherSettings, number: number) {
    const logPath = `${settings.runDir}/fetcher-${number}.log`;
    this.#child = spawned(settings, logPath);
    this.#watch = setInterval(() => this.#check(settings.silenceMs), settings.silenceMs / CHECKS);
    this.#watch.unref();
    this.over = new Promise((resolve) => {
      this.#resolveOver = resolve;
    });
    whenOver(this.#child, logPath, (why) => this.#ended(why));
    this.#pipe = new JsonPipe<FromFetcher, ToFetcher>(this.#child.stdio[3] as Duplex, fromFetcherSchema, {
      onMessage: (message) => this.#take(message),
      onClosed: () => this.stop(),
      onViolation: (reason) => this.#hung(reason),
    });
    this.#termination = new Termination({
      ask: () => this.#child.stdio[3]?.destroy(),
      signal: (signal) => void this.#child.kill(signal),
    });
    const { prefetchBytesPerSecond } = settings;
    this.#pipe.send({ type: 'hello', version: FETCHER_PROTOCOL_VERSION, prefetchBytesPerSecond });
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  get isIdle(): boolean {
    return this.#pending.size === 0;
  }

  /** It takes no orders any more. */
  get isEnding(): boolean {
    return this.#state !== 'living';
  }

  /** Not even SIGKILL ends it: it waits for a disk that does not answer, and may yet write. */
  get isStuck(): boolean {
    return this.#state === 'stuck';
  }

  /**
   * `done` rejects with FetchFailed when the fetcher says so, with FetcherGone when it goes before: not earlier, so that whoever
   * goes on with a file is the only one to write it.
   */
  fetch(body: FetchBody, onProgress: OnProgress): { readonly seq: number; readonly done: Promise<void> } {
    if (this.isEnding) return { seq: 0, done: Promise.reject(new FetcherGone('it is ending')) };
    const seq = this.#nextSeq++;
    const done = new Promise<void>((resolve, reject) => {
      this.#pending.set(seq, { resolve, reject, onProgress });
    });
    this.#silentChecks = 0;
    this.#pipe.send({ type: 'fetch', seq, ...body });
    return { seq, done };
  }

  hurry(fetchSeq: number): void {
    this.#pipe.send({ type: 'hurry', fetchSeq });
  }

  cancel(fetchSeq: number): void {
    this.#pipe.send({ type: 'cancel', fetchSeq });
  }

  /** It ends with its pipe. What it has written stays. */
  stop(): void {
    if (this.#end()) this.#termination.begin(1);
  }

  #take(message: FromFetcher): void {
    this.#silentChecks = 0;
    if (message.type === 'alive') return;
    if (message.type === 'ready') {
      if (message.version !== FETCHER_PROTOCOL_VERSION)
        this.#hung(`expected protocol version ${FETCHER_PROTOCOL_VERSION}, got ${message.version}`);
      return;
    }
    const pending = this.#pending.get(message.seq);
    if (!pending) return this.#hung(`"${message.type}" answers no order`);
    if (message.type === 'progress') return pending.onProgress(message);
    this.#pending.delete(message.seq);
    if (message.type === 'failed') pending.reject(new FetchFailed(message.code, message.message));
    else pending.resolve();
  }

  #check(silenceMs: number): void {
    if (this.isEnding || this.isIdle) return;
    this.#silentChecks += 1;
    if (this.#silentChecks > CHECKS) this.#hung(`said nothing for ${silenceMs} ms`);
  }

  #hung(why: string): void {
    if (!this.#end()) return;
    this.#fault = why;
    this.#termination.beginHung();
  }

  /** False when it ends already. */
  #end(): boolean {
    if (this.#state !== 'living') return false;
    this.#state = 'ending';
    this.#limit = setTimeout(() => {
      this.#state = 'stuck';
      this.#over(new FetchFailed('fetcher_gone', STUCK));
    }, END_LIMIT_MS);
    return true;
  }

  #ended(how: string): void {
    this.#state = 'gone';
    this.#termination.cancel();
    this.#over(new FetcherGone(this.#fault === null ? how : `${this.#fault}, and ${how}`));
  }

  #over(error: Error): void {
    clearInterval(this.#watch);
    clearTimeout(this.#limit);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#resolveOver();
  }
}

function spawned(settings: FetcherSettings, logPath: string): ChildProcess {
  try {
    return spawnChild(settings, logPath);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new FetcherGone(`could not be started: ${message}`, { cause });
  }
}

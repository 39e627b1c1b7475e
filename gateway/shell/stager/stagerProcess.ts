import type { ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { JsonPipe } from '../../../runner/protocol/jsonPipe.ts';
import {
  type FromStager,
  fromStagerSchema,
  STAGER_PROTOCOL_VERSION,
  type StagerFailure,
  type StagerOrder,
  type TierSettings,
  type ToStager,
} from '../../../stager/protocol/messages.ts';
import { type ChildSettings, spawnChild, whenOver } from '../processes/childProcess.ts';
import type { NumaPlaces } from '../processes/numaPlaces.ts';
import { Termination } from '../processes/termination.ts';

/** The tier in memory has bounds, which the pool keeps to. */
export interface MemoryTier {
  readonly root: string;
  readonly budgets: { readonly bases: number; readonly adapters: number };
}

/** How stager processes are started. */
export interface StagerSettings extends ChildSettings {
  readonly memory: MemoryTier;
  /** null: this box has no fast disk for weights. */
  readonly disk: TierSettings | null;
  readonly prefetchBytesPerSecond: number | null;
  readonly collapses: boolean;
  /** What is staged for a device there comes to lie in the memory of its node. */
  readonly places: NumaPlaces;
}

/** Distributes over the union, which Omit does not. */
type WithoutSeq<T> = T extends unknown ? Omit<T, 'seq'> : never;
export type StagerOrderBody = WithoutSeq<StagerOrder>;
type Progress = Extract<FromStager, { type: 'progress' }>;
export type StagerAnswer = Exclude<FromStager, { type: 'ready' | 'progress' | 'failed' }>;

/** The stager could not carry out an order. */
export class StagingFailed extends Error {
  readonly failure: StagerFailure;
  constructor(failure: StagerFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** The stager has gone, or never came up; what it did is undone. */
export class StagerGone extends Error {}

interface Pending {
  readonly resolve: (answer: StagerAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: ((progress: Progress) => void) | undefined;
}

/** One stager process and its control pipe. */
export class StagerProcess {
  /** Resolves with its last words when it has gone. */
  readonly gone: Promise<string>;
  readonly #child: ChildProcess;
  readonly #pipe: JsonPipe<FromStager, ToStager>;
  readonly #pending = new Map<number, Pending>();
  readonly #termination: Termination;
  #nextSeq = 1;
  #end: StagerGone | null = null;

  constructor(settings: StagerSettings, number: number) {
    const logPath = `${settings.runDir}/stager-${number}.log`;
    this.#child = spawnChild(settings, logPath);
    this.gone = new Promise((resolve) => {
      whenOver(this.#child, logPath, (why) => {
        this.#termination.cancel();
        this.#fail(new StagerGone(`Cannot stage weights: the stager ${why}`));
        resolve(why);
      });
    });
    this.#pipe = new JsonPipe<FromStager, ToStager>(this.#child.stdio[3] as Duplex, fromStagerSchema, {
      onMessage: (message) => this.#take(message),
      onClosed: () => this.stop(),
      onViolation: (reason) => this.#violate(reason),
    });
    this.#termination = new Termination({
      ask: () => this.#child.stdio[3]?.destroy(),
      signal: (signal) => void this.#child.kill(signal),
    });
    const { memory, disk, prefetchBytesPerSecond, collapses } = settings;
    this.#pipe.send({
      type: 'hello',
      version: STAGER_PROTOCOL_VERSION,
      memory,
      disk,
      prefetchBytesPerSecond,
      collapses,
    });
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  /** Rejects with StagingFailed when the stager says so, with StagerGone when it goes before. */
  order(body: StagerOrderBody, onProgress?: (progress: Progress) => void): Promise<StagerAnswer> {
    if (this.#end) return Promise.reject(this.#end);
    const seq = this.#nextSeq++;
    return new Promise((resolve, reject) => {
      this.#pending.set(seq, { resolve, reject, onProgress });
      this.#pipe.send({ ...body, seq });
    });
  }

  /** It ends with its pipe, cancels what it does and leaves nothing half-made. */
  stop(): void {
    if (!this.#end) this.#termination.begin(1);
  }

  #take(message: FromStager): void {
    if (message.type === 'ready') {
      if (message.version !== STAGER_PROTOCOL_VERSION)
        this.#violate(`expected protocol version ${STAGER_PROTOCOL_VERSION}, got ${message.version}`);
      return;
    }
    const pending = this.#pending.get(message.seq);
    if (!pending) return this.#violate(`"${message.type}" answers no order`);
    if (message.type === 'progress') return pending.onProgress?.(message);
    this.#pending.delete(message.seq);
    if (message.type === 'failed') pending.reject(new StagingFailed(message.failure));
    else pending.resolve(message);
  }

  #violate(reason: string): void {
    this.#fail(new StagerGone(`Cannot stage weights: ${reason}`));
    this.#termination.beginHung();
  }

  #fail(error: StagerGone): void {
    this.#end ??= error;
    for (const { reject } of this.#pending.values()) reject(this.#end);
    this.#pending.clear();
  }
}

import { Worker } from 'node:worker_threads';
import type { Conversion, ConvertJob } from './convertPeft.ts';

/** What the thread says of the job that it has. */
export type ConverterReply =
  | { readonly kind: 'progress' }
  | { readonly kind: 'done'; readonly conversion: Conversion }
  | { readonly kind: 'failed'; readonly reason: string };

/** Bounds what a hostile file can make the thread take; past it the thread ends and the gateway goes on. */
const HEAP_MIB = 512;

export interface ThreadTimes {
  /** Longest without progress: a network file system that hangs, a pattern that backtracks without end. */
  readonly stallMs: number;
  /** How long it is kept for the next job. */
  readonly idleMs: number;
}

const DEFAULT_TIMES: ThreadTimes = { stallMs: 60_000, idleMs: 10_000 };

/** Conversions on a thread of their own, one after the other, so that the event loop serves on. */
export class ConverterThread {
  readonly #script: string;
  readonly #times: ThreadTimes;
  #worker: Worker | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;

  /** `script` is the bundled worker (dist/peftConverter.mjs). */
  constructor(script: string, times: ThreadTimes = DEFAULT_TIMES) {
    this.#script = script;
    this.#times = times;
  }

  /** Rejects with an Error that says what is wrong with the adapter, or that the thread ended. */
  run(job: ConvertJob): Promise<Conversion> {
    const done = this.#last.then(() => this.#runNow(job));
    this.#last = done.catch(() => {});
    return done;
  }

  /** Whether a thread is there: between jobs for a while, and then none. */
  get isRunning(): boolean {
    return this.#worker !== null;
  }

  async #runNow(job: ConvertJob): Promise<Conversion> {
    clearTimeout(this.#idle);
    const worker = this.#worker ?? this.#start();
    worker.ref();
    try {
      return await this.#answer(worker, job);
    } finally {
      worker.unref();
      this.#idle = setTimeout(() => this.#end(worker), this.#times.idleMs);
      this.#idle.unref();
    }
  }

  #start(): Worker {
    const worker = new Worker(this.#script, {
      name: 'hearth-peft-converter',
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
    });
    // An error of a thread that nobody listens to would end the gateway.
    worker.on('error', () => this.#end(worker));
    worker.on('exit', () => this.#end(worker));
    this.#worker = worker;
    return worker;
  }

  #answer(worker: Worker, job: ConvertJob): Promise<Conversion> {
    const { stallMs } = this.#times;
    const listening = new AbortController();
    let stalled: NodeJS.Timeout;
    const answer = new Promise<Conversion>((resolve, reject) => {
      const watch = () => {
        clearTimeout(stalled);
        stalled = setTimeout(() => {
          this.#end(worker);
          reject(new Error(`the conversion made no progress for ${stallMs} ms`));
        }, stallMs);
      };
      const hear = (reply: ConverterReply) => {
        if (reply.kind === 'progress') watch();
        else if (reply.kind === 'done') resolve(reply.conversion);
        else reject(new Error(reply.reason));
      };
      const failed = (error: Error) => reject(new Error(`the converter ended: ${error.message}`));
      const ended = (code: number) => reject(new Error(`the converter ended: exit code ${code}`));
      worker.on('message', hear).on('error', failed).on('exit', ended);
      listening.signal.addEventListener('abort', () => {
        worker.off('message', hear).off('error', failed).off('exit', ended);
      });
      watch();
      worker.postMessage(job);
    });
    return answer.finally(() => {
      clearTimeout(stalled);
      listening.abort();
    });
  }

  #end(worker: Worker): void {
    if (this.#worker === worker) this.#worker = null;
    void worker.terminate();
  }
}

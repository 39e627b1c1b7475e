import { Worker } from 'node:worker_threads';
import { deferred } from '../deferred.ts';
import type {
  WriteCommand,
  WriteFailure,
  WriterOptions,
  WriterReply,
  WriterRequest,
  WriterStats,
} from './commands.ts';
import { PendingCount, type PendingWrite, type WriterLimits } from './pending.ts';

const DEFAULT_LIMITS: WriterLimits = { maxPendingAwaited: 16_384, maxPendingBackground: 4096 };

/** What a database tells of its writer. */
export interface WriterReport extends WriterStats {
  readonly pending: number;
  /** Background writes that were dropped or failed. */
  readonly lost: number;
}

/** The main thread's face of the writer thread. One message per turn of the event loop carries all its writes. */
export class WriterClient {
  readonly #worker: Worker;
  readonly #count: PendingCount;
  readonly #opened = deferred<void>();
  readonly #ended = deferred<Error>();
  readonly #sent = new Map<number, readonly PendingWrite[]>();
  #queued: PendingWrite[] = [];
  #nextBatch = 0;
  #lost = 0;
  #stats: WriterStats = { commits: 0, commands: 0 };
  /** Why nothing can be written any more. */
  #ending: Error | null = null;
  /** The first error of the thread itself, before its exit. */
  #crash: unknown;

  /** `script` is the bundled worker (dist/dbWriter.mjs). */
  constructor(script: string, options: WriterOptions, limits: WriterLimits = DEFAULT_LIMITS) {
    this.#count = new PendingCount(limits);
    this.#worker = new Worker(script, { workerData: options, name: 'hearth-db-writer' });
    this.#worker.on('message', (reply: WriterReply) => this.#onReply(reply));
    this.#worker.on('error', (error) => {
      this.#crash ??= error;
    });
    this.#worker.on('exit', (code) => this.#onExit(code));
    // Nobody has to wait for the opening or for the end.
    this.#opened.promise.catch(() => {});
  }

  /** Resolves when the database is open and migrated; rejects with one sentence that says why not. */
  opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** Resolves with the reason when the thread has ended, after `close()` too. */
  get ended(): Promise<Error> {
    return this.#ended.promise;
  }

  report(): WriterReport {
    return { ...this.#stats, pending: this.#count.total, lost: this.#lost };
  }

  /** Resolves when the command is on disk. Rejects when the disk refuses, stalls past the bound, or the thread died. */
  write(command: WriteCommand): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ending) return reject(new Error(`Cannot write ${command.kind}`, { cause: this.#ending }));
      if (!this.#count.admit(true)) {
        return reject(
          new Error(`Cannot write ${command.kind}: ${this.#count.total} writes wait for the disk`),
        );
      }
      const settle = (failure: Error | null) => (failure ? reject(failure) : resolve());
      this.#enqueue({ command, settle });
    });
  }

  /** Goes out with the next group; lost (and counted) when the disk stalls past the bound or refuses. */
  writeInBackground(command: WriteCommand): void {
    if (this.#ending || !this.#count.admit(false)) this.#lost += 1;
    else this.#enqueue({ command, settle: null });
  }

  /**
   * Refuses new writes, puts all earlier ones on disk and ends the thread, not before `others` have closed: the last
   * connection puts the log away, and one that only reads cannot. Idempotent.
   */
  async close(others: Promise<unknown> = Promise.resolve()): Promise<void> {
    if (!this.#ending) {
      this.#flush();
      this.#ending = new Error('the database is closed');
      await others;
      this.#post({ kind: 'close' });
    }
    await this.#ended.promise;
  }

  #enqueue(write: PendingWrite): void {
    if (this.#queued.push(write) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    if (this.#queued.length === 0) return;
    const batch = this.#nextBatch++;
    const writes = this.#queued;
    this.#queued = [];
    this.#sent.set(batch, writes);
    this.#post({ kind: 'write', batch, commands: writes.map(({ command }) => command) });
  }

  #post(request: WriterRequest): void {
    this.#worker.postMessage(request);
  }

  #onReply(reply: WriterReply): void {
    switch (reply.kind) {
      case 'opened':
        return this.#opened.resolve();
      case 'openFailed':
        return this.#opened.reject(new Error(reply.message));
      case 'written':
        this.#stats = reply.stats;
        for (const { batch, failures } of reply.batches) this.#settle(batch, failures);
    }
  }

  #settle(batch: number, failures: readonly WriteFailure[]): void {
    const writes = this.#sent.get(batch) ?? [];
    this.#sent.delete(batch);
    const failed = new Map(failures.map((failure) => [failure.index, failure]));
    for (const [index, write] of writes.entries()) {
      const failure = failed.get(index);
      this.#end(
        write,
        failure ? new Error(`Cannot write ${write.command.kind}: ${failure.code}: ${failure.message}`) : null,
      );
    }
  }

  #end(write: PendingWrite, failure: Error | null): void {
    this.#count.done(write);
    if (write.settle) write.settle(failure);
    else if (failure) this.#lost += 1;
  }

  #onExit(code: number): void {
    const reason = new Error(`the database writer ended with exit code ${code}`, { cause: this.#crash });
    const cause = this.#ending ?? reason;
    this.#ending = cause;
    this.#opened.reject(new Error('Cannot open the database: its writer ended', { cause: reason }));
    const left = [...[...this.#sent.values()].flat(), ...this.#queued];
    this.#sent.clear();
    this.#queued = [];
    for (const write of left) this.#end(write, new Error(`Cannot write ${write.command.kind}`, { cause }));
    this.#ended.resolve(cause);
  }
}

import { Worker } from 'node:worker_threads';
import { type Deferred, deferred } from '../deferred.ts';
import type { ReaderOptions, ReaderReply, ReaderRequest } from './messages.ts';
import type { QueryName, QueryParams, QueryResult } from './queries.ts';

/** The main thread's face of the reader thread: one read after the other, none on the event loop. */
export class ReaderClient {
  readonly #worker: Worker;
  readonly #opened = deferred<void>();
  readonly #ended = deferred<Error>();
  readonly #waiting = new Map<number, Deferred<unknown>>();
  #nextId = 0;
  #ending: Error | null = null;
  #crash: unknown;

  /** `script` is the bundled worker (dist/dbReader.mjs). */
  constructor(script: string, options: ReaderOptions = { niceness: 0 }) {
    this.#worker = new Worker(script, { workerData: options, name: 'hearth-db-reader' });
    this.#worker.on('message', (reply: ReaderReply) => this.#onReply(reply));
    this.#worker.on('error', (error) => {
      this.#crash ??= error;
    });
    this.#worker.on('exit', (code) => this.#onExit(code));
    this.#opened.promise.catch(() => {});
  }

  /** Opens a database that has been migrated. */
  open(path: string): Promise<void> {
    this.#post({ kind: 'open', path });
    return this.#opened.promise;
  }

  /** Resolves with the reason when the thread has ended, after `close()` too. */
  get ended(): Promise<Error> {
    return this.#ended.promise;
  }

  read<N extends QueryName>(query: N, params: QueryParams<N>): Promise<QueryResult<N>> {
    if (this.#ending) return Promise.reject(new Error(`Cannot read ${query}`, { cause: this.#ending }));
    const id = this.#nextId++;
    const answer = deferred<unknown>();
    this.#waiting.set(id, answer);
    this.#post({ kind: 'read', id, query, params });
    return answer.promise as Promise<QueryResult<N>>;
  }

  /** Answers the reads that were asked before, then ends the thread. Idempotent. */
  async close(): Promise<void> {
    if (!this.#ending) {
      this.#ending = new Error('the database is closed');
      this.#post({ kind: 'close' });
    }
    await this.#ended.promise;
  }

  #post(request: ReaderRequest): void {
    this.#worker.postMessage(request);
  }

  #onReply(reply: ReaderReply): void {
    switch (reply.kind) {
      case 'opened':
        return this.#opened.resolve();
      case 'openFailed':
        return this.#opened.reject(new Error(reply.message));
      case 'rows':
        return this.#take(reply.id)?.resolve(reply.rows);
      case 'failed':
        return this.#take(reply.id)?.reject(new Error(`Cannot read the database: ${reply.message}`));
    }
  }

  #take(id: number): Deferred<unknown> | undefined {
    const answer = this.#waiting.get(id);
    this.#waiting.delete(id);
    return answer;
  }

  #onExit(code: number): void {
    const reason = new Error(`the database reader ended with exit code ${code}`, { cause: this.#crash });
    const cause = this.#ending ?? reason;
    this.#ending = cause;
    this.#opened.reject(new Error('Cannot open the database: its reader ended', { cause: reason }));
    for (const answer of this.#waiting.values()) answer.reject(new Error('Cannot read', { cause }));
    this.#waiting.clear();
    this.#ended.resolve(cause);
  }
}

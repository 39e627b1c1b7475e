import type { Duplex } from 'node:stream';
import { EXIT_PROTOCOL, sayLine } from '../runner/process/lastWords.ts';
import { JsonPipe } from '../runner/protocol/jsonPipe.ts';
import { localFailure } from '../sources/errors.ts';
import { Fetches } from './fetches.ts';
import {
  FETCHER_PROTOCOL_VERSION,
  type FetchMessage,
  type FromFetcher,
  type ToFetcher,
  toFetcherSchema,
} from './protocol/messages.ts';

/** Well below what the gateway takes for a hang. */
const ALIVE_EVERY_MS = 1_000;

type Pipe = JsonPipe<ToFetcher, FromFetcher>;

/** What a fetcher does to its process. Injected, so that tests see it instead of ending. */
export interface FetcherHost {
  exit(code: number): void;
}

/** A fetcher without the process: the control pipe and what it orders. It ends with its gateway. */
export class Fetcher {
  readonly #host: FetcherHost;
  #fetches: Fetches | null = null;

  constructor(control: Duplex, host: FetcherHost) {
    this.#host = host;
    const pipe = new JsonPipe<ToFetcher, FromFetcher>(control, toFetcherSchema, {
      onMessage: (message) => this.#take(message, pipe),
      onClosed: () => host.exit(0),
      onViolation: (reason) => this.#abort(reason),
    });
    setInterval(() => {
      if (this.#fetches && this.#fetches.size > 0) pipe.send({ type: 'alive' });
    }, ALIVE_EVERY_MS).unref();
  }

  #take(message: ToFetcher, pipe: Pipe): void {
    if (message.type === 'hello') return this.#greet(message, pipe);
    const fetches = this.#fetches;
    if (!fetches) return this.#abort(`Cannot take "${message.type}": expected "hello" before it`);
    if (message.type === 'fetch') return void this.#fetch(fetches, message, pipe);
    if (message.type === 'hurry') fetches.hurry(message.fetchSeq);
    else fetches.cancel(message.fetchSeq);
  }

  #greet({ version, prefetchBytesPerSecond }: Extract<ToFetcher, { type: 'hello' }>, pipe: Pipe): void {
    if (this.#fetches) return this.#abort('Cannot take "hello": expected it once');
    if (version !== FETCHER_PROTOCOL_VERSION)
      return this.#abort(
        `Cannot serve the gateway: expected protocol version ${FETCHER_PROTOCOL_VERSION}, got ${version}`,
      );
    this.#fetches = new Fetches(prefetchBytesPerSecond);
    pipe.send({ type: 'ready', version: FETCHER_PROTOCOL_VERSION, pid: process.pid });
  }

  async #fetch(fetches: Fetches, message: FetchMessage, pipe: Pipe): Promise<void> {
    const { seq } = message;
    try {
      const resumedBytes = await fetches.fetch(message, ({ bytes, totalBytes }) =>
        pipe.send({ type: 'progress', seq, bytes, totalBytes }),
      );
      pipe.send({ type: 'fetched', seq, resumedBytes });
    } catch (error) {
      const { code, message: words } = localFailure('bring a file', error);
      pipe.send({ type: 'failed', seq, code, message: words });
    }
  }

  #abort(reason: string): void {
    sayLine(reason);
    this.#host.exit(EXIT_PROTOCOL);
  }
}

import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher, Pool } from 'undici';

/** What an HTTP request to a runner tells while it goes on. After `ended` or `failed` nothing more comes. */
export interface RunnerCallListener {
  head(status: number, headers: IncomingHttpHeaders): void;
  data(chunk: Buffer): void;
  ended(trailers: IncomingHttpHeaders): void;
  failed(error: Error): void;
}

/** One POST to a runner, cheap enough for the hot path: undici's dispatch without streams. */
export class RunnerCall {
  readonly #listener: RunnerCallListener;
  #controller: Dispatcher.DispatchController | null = null;
  #aborted = false;
  #over = false;

  constructor(
    client: Pool,
    path: string,
    headers: Record<string, string>,
    body: string,
    listener: RunnerCallListener,
  ) {
    this.#listener = listener;
    client.dispatch(
      { path, method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body },
      {
        onRequestStart: (controller) => {
          this.#controller = controller;
          if (this.#aborted) controller.abort(new Error('aborted'));
        },
        onResponseStart: (_controller, status, responseHeaders) => {
          if (!this.#over) this.#listener.head(status, responseHeaders);
        },
        onResponseData: (_controller, chunk) => {
          if (!this.#over) this.#listener.data(chunk);
        },
        onResponseEnd: (_controller, trailers) => this.#finish(() => this.#listener.ended(trailers)),
        onResponseError: (_controller, error) => this.#finish(() => this.#listener.failed(error)),
      },
    );
  }

  /** Closes the connection, by which the runner stops its generation. The listener then hears `failed`. Idempotent. */
  abort(): void {
    this.#aborted = true;
    this.#controller?.abort(new Error('aborted'));
  }

  #finish(tell: () => void): void {
    if (this.#over) return;
    this.#over = true;
    tell();
  }
}

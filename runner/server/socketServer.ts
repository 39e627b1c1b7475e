import { lstatSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Engine } from '../engine/engine.ts';
import { ADOPT_PATH } from '../protocol/adoption.ts';
import { type AdoptionEntry, upgrade } from './adoption.ts';
import { answerJson } from './exchange.ts';
import { Reports } from './reports.ts';
import { route } from './routes.ts';

/** sockaddr_un's sun_path, without its final zero (unix(7)). */
export const MAX_SOCKET_PATH_BYTES = 107;

/** The runner's HTTP server on a Unix socket that only its user may open. */
export class SocketServer {
  readonly #server: Server;
  readonly #path: string;
  readonly #inFlight = new Set<ServerResponse>();
  readonly #reports = new Reports();
  #draining = false;
  #onIdle: (() => void) | null = null;

  /** `entry`: how a gateway gets in; nobody does without it. */
  constructor(engine: Engine, path: string, entry: AdoptionEntry | null = null) {
    this.#path = path;
    this.#server = createServer((request, response) => {
      this.#inFlight.add(response);
      response.once('close', () => this.#ended(response));
      if (entry !== null && request.method === 'GET' && request.url === ADOPT_PATH)
        return answerJson(response, 200, JSON.stringify(entry.door.challenge()));
      route(engine, this.#reports, this.#draining, request, response);
    });
    this.#server.on('upgrade', (request, stream, head) => upgrade(entry, request, stream, head));
    // The gateway keeps its connections: closing an idle one would race with its next request.
    this.#server.keepAliveTimeout = 0;
    this.#server.on('clientError', (_error, socket) => socket.destroy());
  }

  /** Makes the socket, in place of a stale one. Rejects when the path is too long or something else is there. */
  async listen(): Promise<void> {
    const bytes = Buffer.byteLength(this.#path);
    if (bytes > MAX_SOCKET_PATH_BYTES) {
      throw new Error(
        `Cannot listen on "${this.#path}": expected at most ${MAX_SOCKET_PATH_BYTES} bytes, got ${bytes}`,
      );
    }
    this.#removeSocket();
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      // The socket is bound within this call, so nothing else is made under this mask.
      const before = process.umask(0o177);
      this.#server.listen(this.#path, resolve);
      process.umask(before);
    });
    this.#server.on('error', () => {});
  }

  /** Takes no new requests and resolves when the last one has ended. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#server.close();
    this.#server.closeIdleConnections();
    if (this.#inFlight.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** Ends what is left at once and removes the socket. Never throws. */
  destroy(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    try {
      this.#removeSocket();
    } catch {
      // Another runner's, or gone.
    }
  }

  #ended(response: ServerResponse): void {
    this.#inFlight.delete(response);
    if (!this.#draining) return;
    this.#server.closeIdleConnections();
    if (this.#inFlight.size === 0) this.#onIdle?.();
  }

  #removeSocket(): void {
    const found = lstatSync(this.#path, { throwIfNoEntry: false });
    if (found === undefined) return;
    if (!found.isSocket())
      throw new Error(`Cannot listen on "${this.#path}": expected nothing or a socket there`);
    unlinkSync(this.#path);
  }
}

import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ServedFile {
  bytes: Buffer;
  etag?: string | null;
  modified?: Date | null;
}

/** What a server was asked, in order. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly range: string | undefined;
  readonly headers: IncomingMessage['headers'];
}

/** Answers in place of the file; true when it did. */
type Intercept = (request: IncomingMessage, response: ServerResponse, count: number) => boolean;

/** A real HTTP server on loopback that serves files from memory, well or badly. */
export class WeightServer {
  readonly files = new Map<string, ServedFile>();
  readonly seen: Seen[] = [];
  ranges = true;
  /** Ends the connection after so many bytes of a body, as often as that many times. */
  cut: { afterBytes: number; times: number } | null = null;
  /** Sends headers and so many bytes, then nothing more; as often as that many times. */
  stall: { afterBytes: number; times: number } | null = null;
  intercept: Intercept | null = null;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(): Promise<WeightServer> {
    const server = new WeightServer();
    await new Promise<void>((resolve) => {
      server.#server.listen(0, '127.0.0.1', resolve);
    });
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The requests for bodies by range. */
  get ranged(): string[] {
    return this.seen.flatMap(({ range }) => (range === undefined || range === 'bytes=0-0' ? [] : [range]));
  }

  put(path: string, bytes: Buffer, more: Partial<ServedFile> = {}): string {
    this.files.set(path, { bytes, etag: `"${sha256(bytes).slice(0, 16)}"`, ...more });
    return `${this.origin}${path}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname: path, search: query } = new URL(request.url ?? '/', this.origin);
    const { method = 'GET', headers } = request;
    this.seen.push({ method, path, query, range: headers.range, headers });
    if (this.intercept?.(request, response, this.seen.length)) return;
    this.serve(decodeURIComponent(path), request, response);
  }

  /** The file of that name as a well-behaved server sends it, but for cut and stall. */
  serve(path: string, { method, headers }: IncomingMessage, response: ServerResponse): void {
    const file = this.files.get(path);
    if (!file) return void response.writeHead(404).end('no such file');
    const common: Record<string, string> = {};
    if (file.etag) common['etag'] = file.etag;
    if (file.modified) common['last-modified'] = file.modified.toUTCString();
    const range = this.ranges ? /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') : null;
    if (!range) {
      response.writeHead(200, { ...common, 'content-length': file.bytes.length });
      return this.#body(response, method === 'HEAD' ? Buffer.alloc(0) : file.bytes);
    }
    const from = Number(range[1]);
    const to = Math.min(file.bytes.length, Number(range[2]) + 1);
    if (from >= file.bytes.length) {
      return void response
        .writeHead(416, { ...common, 'content-range': `bytes */${file.bytes.length}` })
        .end();
    }
    const contentRange = `bytes ${from}-${to - 1}/${file.bytes.length}`;
    response.writeHead(206, { ...common, 'content-range': contentRange, 'content-length': to - from });
    this.#body(response, file.bytes.subarray(from, to));
  }

  #body(response: ServerResponse, bytes: Buffer): void {
    for (const way of [this.cut, this.stall]) {
      if (!way || way.times === 0 || bytes.length <= way.afterBytes) continue;
      way.times -= 1;
      response.write(bytes.subarray(0, way.afterBytes), () => {
        if (way === this.cut) response.destroy();
      });
      return;
    }
    response.end(bytes);
  }
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** So many bytes that no part of which is like another. */
export function noise(bytes: number): Buffer {
  return randomBytes(bytes);
}

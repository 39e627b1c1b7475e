import type { ServerResponse } from 'node:http';
import { errorEnvelope } from '../domain/envelope.ts';
import type { Failure } from '../domain/errors.ts';
import type { ResponseSink } from '../shell/inference.ts';
import type { HttpLimits } from './deps.ts';

type GoneReason = 'closed' | 'slow';

/**
 * An answer over node's own response. It writes at once and never waits for the client: what the client has not read is
 * bounded by `streamBufferBytes`, past which the connection ends. Listeners are called in a microtask, never from
 * inside a write.
 */
export class NodeSink implements ResponseSink {
  readonly #outgoing: ServerResponse;
  readonly #limits: Pick<HttpLimits, 'streamBufferBytes' | 'drainTimeoutMs'>;
  readonly #baseHeaders: Readonly<Record<string, string>>;
  /** A head that goes with the first bytes, or alone at the end of the turn. */
  #head: { readonly status: number; readonly headers: Record<string, string> } | null = null;
  #headSent = false;
  #bytesWritten = 0;
  #ended = false;
  #gone: GoneReason | null = null;
  #listener: ((reason: GoneReason) => void) | null = null;

  /** `baseHeaders` are sent with whatever head comes. */
  constructor(
    outgoing: ServerResponse,
    limits: Pick<HttpLimits, 'streamBufferBytes' | 'drainTimeoutMs'>,
    baseHeaders: Readonly<Record<string, string>>,
  ) {
    this.#outgoing = outgoing;
    this.#limits = limits;
    this.#baseHeaders = baseHeaders;
    outgoing.on('error', () => {});
    if (outgoing.destroyed) this.#goneBy('closed');
    else outgoing.once('close', () => this.#goneBy('closed'));
  }

  get headSent(): boolean {
    return this.#headSent;
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  head(status: number, headers: Readonly<Record<string, string>>): void {
    if (this.#headSent) return;
    this.#headSent = true;
    this.#head = { status, headers: { ...this.#baseHeaders, ...headers } };
    process.nextTick(() => {
      if (this.#head === null || this.#gone !== null || this.#outgoing.destroyed) return;
      this.#writeHead();
      this.#outgoing.flushHeaders();
    });
  }

  write(bytes: Uint8Array | string): boolean {
    if (this.#ended || this.#gone !== null || this.#outgoing.destroyed) return false;
    this.#writeHead();
    this.#bytesWritten += byteLength(bytes);
    this.#outgoing.write(bytes);
    if (this.#outgoing.writableLength <= this.#limits.streamBufferBytes) return true;
    this.#goneBy('slow');
    this.#outgoing.destroy();
    return false;
  }

  /** The last bytes are not held against the bound (they may be a whole answer), but must be read in time. */
  end(bytes: Uint8Array | string = ''): void {
    if (this.#ended || this.#gone !== null || this.#outgoing.destroyed) return;
    this.#ended = true;
    const length = byteLength(bytes);
    this.#bytesWritten += length;
    if (this.#head) this.#head.headers['content-length'] = String(length);
    this.#writeHead();
    this.#outgoing.end(bytes);
    if (this.#outgoing.writableFinished) return;
    const timer = setTimeout(() => this.#outgoing.destroy(), this.#limits.drainTimeoutMs);
    this.#outgoing.once('close', () => clearTimeout(timer));
  }

  fail(failure: Failure, headers: Readonly<Record<string, string>>): void {
    const answer = errorEnvelope(failure);
    this.head(answer.status, { 'content-type': 'application/json', ...headers, ...answer.headers });
    this.end(JSON.stringify(answer.body));
  }

  destroy(): void {
    this.#ended = true;
    this.#outgoing.destroy();
  }

  onGone(listener: (reason: GoneReason) => void): void {
    this.#listener = listener;
    if (this.#gone !== null) this.#tell(this.#gone);
  }

  #writeHead(): void {
    if (this.#head === null) return;
    this.#outgoing.writeHead(this.#head.status, this.#head.headers);
    this.#head = null;
  }

  #goneBy(reason: GoneReason): void {
    if (this.#ended || this.#gone !== null) return;
    this.#gone = reason;
    this.#tell(reason);
  }

  #tell(reason: GoneReason): void {
    const listener = this.#listener;
    if (!listener) return;
    this.#listener = null;
    queueMicrotask(() => listener(reason));
  }
}

function byteLength(bytes: Uint8Array | string): number {
  return typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.byteLength;
}

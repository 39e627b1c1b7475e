import type { ServerResponse } from 'node:http';
import type { Failure } from '../domain/errors.ts';
import type { ResponseSink } from '../shell/inference.ts';
import type { HttpLimits } from './deps.ts';
import { errorAnswer } from './envelope.ts';

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
    return this.#outgoing.headersSent;
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  head(status: number, headers: Readonly<Record<string, string>>): void {
    if (this.#gone !== null || this.headSent) return;
    this.#outgoing.writeHead(status, { ...this.#baseHeaders, ...headers });
    // Sent at once, but in one packet with a body that follows in the same turn.
    process.nextTick(() => {
      if (this.#bytesWritten === 0 && !this.#ended && this.#gone === null) this.#outgoing.flushHeaders();
    });
  }

  write(bytes: Uint8Array | string): boolean {
    if (this.#ended || this.#gone !== null || this.#outgoing.destroyed) return false;
    this.#bytesWritten += typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.byteLength;
    this.#outgoing.write(bytes);
    if (this.#outgoing.writableLength <= this.#limits.streamBufferBytes) return true;
    this.#goneBy('slow');
    this.#outgoing.destroy();
    return false;
  }

  end(bytes?: Uint8Array | string): void {
    if (bytes !== undefined && bytes.length > 0 && !this.write(bytes)) return;
    if (this.#ended || this.#gone !== null) return;
    this.#ended = true;
    this.#outgoing.end();
    if (this.#outgoing.writableFinished || this.#outgoing.destroyed) return;
    const timer = setTimeout(() => this.#outgoing.destroy(), this.#limits.drainTimeoutMs);
    this.#outgoing.once('close', () => clearTimeout(timer));
  }

  fail(failure: Failure, headers: Readonly<Record<string, string>>): void {
    const answer = errorAnswer(failure);
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

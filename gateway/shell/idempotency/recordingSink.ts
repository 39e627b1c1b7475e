import type { Failure } from '../../domain/errors.ts';
import type { ResponseSink } from '../inference.ts';

/** Passes an answer on and keeps what passes, up to a bound. */
export class RecordingSink implements ResponseSink {
  readonly #sink: ResponseSink;
  readonly #mostBytes: number;
  #head: { readonly status: number; readonly headers: Readonly<Record<string, string>> } | null = null;
  /** null: it is not worth keeping, or too long. */
  #chunks: Buffer[] | null = [];
  #bytes = 0;

  constructor(sink: ResponseSink, mostBytes: number) {
    this.#sink = sink;
    this.#mostBytes = mostBytes;
  }

  /** The whole answer; null when it was too long. Only of an answer that has ended well. */
  recorded(): { status: number; headers: Readonly<Record<string, string>>; bytes: Buffer } | null {
    return this.#head && this.#chunks && { ...this.#head, bytes: Buffer.concat(this.#chunks) };
  }

  get headSent(): boolean {
    return this.#sink.headSent;
  }

  get bytesWritten(): number {
    return this.#sink.bytesWritten;
  }

  head(status: number, headers: Readonly<Record<string, string>>): void {
    this.#head = { status, headers };
    this.#sink.head(status, headers);
  }

  write(bytes: Uint8Array | string): boolean {
    this.#keep(bytes);
    return this.#sink.write(bytes);
  }

  end(bytes?: Uint8Array | string): void {
    if (bytes !== undefined) this.#keep(bytes);
    this.#sink.end(bytes);
  }

  fail(failure: Failure, headers: Readonly<Record<string, string>>): void {
    this.#chunks = null;
    this.#sink.fail(failure, headers);
  }

  destroy(): void {
    this.#chunks = null;
    this.#sink.destroy();
  }

  onGone(listener: (reason: 'closed' | 'slow') => void): void {
    this.#sink.onGone(listener);
  }

  #keep(bytes: Uint8Array | string): void {
    if (!this.#chunks) return;
    this.#bytes += Buffer.byteLength(bytes);
    if (this.#bytes > this.#mostBytes) this.#chunks = null;
    else this.#chunks.push(Buffer.from(bytes as Uint8Array));
  }
}

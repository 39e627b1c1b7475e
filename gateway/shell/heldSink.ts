import type { Failure } from '../domain/errors.ts';
import type { ResponseSink } from './inference.ts';

/**
 * An answer of which nothing goes out before its admission is in the books. What is written meanwhile is held: no more
 * than a runner makes during one group commit, and never more than one answer.
 */
export class HeldSink implements ResponseSink {
  readonly #sink: ResponseSink;
  /** null: all passes. */
  #held: (() => void)[] | null = [];
  #headHeld = false;
  #bytesHeld = 0;

  constructor(sink: ResponseSink) {
    this.#sink = sink;
  }

  /** What is held goes out, and from now on all passes. Idempotent. */
  release(): void {
    const held = this.#held ?? [];
    this.#passAll();
    for (const write of held) write();
  }

  /** What is held never goes out; from now on all passes. */
  forget(): void {
    this.#passAll();
  }

  get headSent(): boolean {
    return this.#headHeld || this.#sink.headSent;
  }

  get bytesWritten(): number {
    return this.#bytesHeld + this.#sink.bytesWritten;
  }

  head(status: number, headers: Readonly<Record<string, string>>): void {
    if (!this.#held) return this.#sink.head(status, headers);
    this.#headHeld = true;
    this.#held.push(() => this.#sink.head(status, headers));
  }

  write(bytes: Uint8Array | string): boolean {
    if (!this.#held) return this.#sink.write(bytes);
    this.#bytesHeld += Buffer.byteLength(bytes);
    this.#held.push(() => this.#sink.write(bytes));
    return true;
  }

  end(bytes?: Uint8Array | string): void {
    if (this.#held) this.#held.push(() => this.#sink.end(bytes));
    else this.#sink.end(bytes);
  }

  fail(failure: Failure, headers: Readonly<Record<string, string>>): void {
    if (this.#held) this.#held.push(() => this.#sink.fail(failure, headers));
    else this.#sink.fail(failure, headers);
  }

  destroy(): void {
    this.forget();
    this.#sink.destroy();
  }

  onGone(listener: (reason: 'closed' | 'slow') => void): void {
    this.#sink.onGone(listener);
  }

  #passAll(): void {
    this.#held = null;
    this.#headHeld = false;
    this.#bytesHeld = 0;
  }
}

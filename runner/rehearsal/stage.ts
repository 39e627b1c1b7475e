import { Duplex } from 'node:stream';

/** A connection without a socket, whose other end gives what it hears to a function. */
export class Stage extends Duplex {
  readonly #hear: (bytes: Buffer) => void;

  constructor(hear: (bytes: Buffer) => void) {
    super();
    this.#hear = hear;
  }

  override _read(): void {}
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#hear(chunk);
    done();
  }
}

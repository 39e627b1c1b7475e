import type { Duplex } from 'node:stream';
import type * as z from 'zod';
import { encodeLine, LineReader, MAX_LINE_BYTES } from './lines.ts';

/** What a pipe brings. Exactly one of `onClosed` and `onViolation` ends it. */
export interface PipeListener<In, Out> {
  /** `pipe`: where an answer belongs. */
  onMessage(message: In, pipe: JsonPipe<In, Out>): void;
  /** The other end is gone: end of file or a broken pipe. */
  onClosed(): void;
  /** The other end does not speak the protocol. The reason holds no content. */
  onViolation(reason: string): void;
}

/** A child's end of a pipe of JSON lines, each validated. Writing to one that nobody reads is a quiet nothing. */
export class JsonPipe<In, Out> {
  readonly #stream: Duplex;
  readonly #listener: PipeListener<In, Out>;
  #open = true;

  constructor(stream: Duplex, schema: z.ZodType<In>, listener: PipeListener<In, Out>) {
    this.#stream = stream;
    this.#listener = listener;
    const reader = new LineReader((result) => {
      if (!this.#open) return;
      if (!result.ok)
        return this.#violate(
          result.fault === 'not_json'
            ? 'expected a line of JSON'
            : `expected lines of at most ${MAX_LINE_BYTES} bytes`,
        );
      const parsed = schema.safeParse(result.value);
      if (parsed.success) return listener.onMessage(parsed.data, this);
      const issue = parsed.error.issues[0];
      this.#violate(`expected a known message, got one that is wrong at "${issue?.path.join('.') ?? ''}"`);
    });
    stream.on('data', (chunk: Buffer) => reader.push(chunk));
    stream.on('end', () => this.#close());
    stream.on('close', () => this.#close());
    stream.on('error', () => this.#close());
  }

  get isOpen(): boolean {
    return this.#open;
  }

  send(message: Out): void {
    if (this.#open && this.#stream.writable) this.#stream.write(encodeLine(message));
  }

  #violate(reason: string): void {
    this.#open = false;
    this.#listener.onViolation(`Cannot read the control pipe: ${reason}`);
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    // A connection may be half open still.
    this.#stream.destroy();
    this.#listener.onClosed();
  }
}

const NEWLINE = 10;

/**
 * Passes the bytes of a server-sent event stream on without looking into them, in whole events: what follows the last
 * blank line is held back until its event is complete, so that a stream that breaks never ends in half an event.
 */
export class SseForwarder {
  readonly #write: (bytes: Uint8Array) => boolean;
  #held: Buffer | null = null;
  #first: FirstChunk | null = null;

  /** `write` is false when nobody takes the bytes any more. */
  constructor(write: (bytes: Uint8Array) => boolean) {
    this.#write = write;
  }

  /** What the stream's first chunk says of itself; null before it, or when it is no chunk. */
  get first(): FirstChunk | null {
    return this.#first;
  }

  push(chunk: Buffer): boolean {
    const bytes = this.#held ? Buffer.concat([this.#held, chunk]) : chunk;
    const end = endOfEvents(bytes);
    this.#held = end < bytes.length ? bytes.subarray(end) : null;
    if (end === 0) return true;
    const events = end < bytes.length ? bytes.subarray(0, end) : bytes;
    this.#first ??= readFirst(events);
    return this.#write(events);
  }
}

/** The fields that every chunk of a stream repeats. */
export interface FirstChunk {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly serviceTier: string | null;
}

function endOfEvents(bytes: Buffer): number {
  const { length } = bytes;
  if (length >= 2 && bytes[length - 1] === NEWLINE && bytes[length - 2] === NEWLINE) return length;
  const last = bytes.lastIndexOf('\n\n');
  return last < 0 ? 0 : last + 2;
}

function readFirst(events: Buffer): FirstChunk | null {
  const start = events.indexOf('data: ');
  if (start < 0) return null;
  try {
    const { id, object, created, model, service_tier } = JSON.parse(
      events.toString('utf8', start + 6, events.indexOf('\n', start)),
    ) as Partial<FirstChunk> & { readonly service_tier?: unknown };
    return typeof id === 'string' && typeof object === 'string' && typeof created === 'number'
      ? { id, object, created, model: String(model), serviceTier: textOf(service_tier) }
      : null;
  } catch {
    return null;
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

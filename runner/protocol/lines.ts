/** One line of the control pipe, JSON included, may have this many bytes. */
export const MAX_LINE_BYTES = 1024 * 1024;

export type LineFault = 'line_too_long' | 'not_json';

export type LineResult = { ok: true; value: unknown } | { ok: false; fault: LineFault };

/**
 * Cuts a byte stream into lines of JSON. A line that is too long or not JSON is a fault; after the first one nothing
 * more is read, since the two ends no longer agree on where a line begins.
 */
export class LineReader {
  readonly #maxBytes: number;
  readonly #onLine: (result: LineResult) => void;
  #parts: Buffer[] = [];
  #partBytes = 0;
  #faulty = false;

  constructor(onLine: (result: LineResult) => void, maxBytes: number = MAX_LINE_BYTES) {
    this.#onLine = onLine;
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): void {
    let from = 0;
    while (!this.#faulty) {
      const end = chunk.indexOf(0x0a, from);
      const part = chunk.subarray(from, end === -1 ? chunk.length : end);
      if (this.#partBytes + part.length > this.#maxBytes) return this.#fail('line_too_long');
      if (part.length > 0) this.#parts.push(part);
      this.#partBytes += part.length;
      if (end === -1) return;
      from = end + 1;
      this.#endLine();
    }
  }

  #endLine(): void {
    const text = Buffer.concat(this.#parts).toString('utf8');
    this.#parts = [];
    this.#partBytes = 0;
    if (text.trim() === '') return;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return this.#fail('not_json');
    }
    this.#onLine({ ok: true, value });
  }

  #fail(fault: LineFault): void {
    this.#faulty = true;
    this.#parts = [];
    this.#partBytes = 0;
    this.#onLine({ ok: false, fault });
  }
}

/** A message as one line. JSON never holds a bare line feed. */
export function encodeLine(message: unknown): string {
  return `${JSON.stringify(message)}\n`;
}

import type { ServerResponse } from 'node:http';
import { REPORT_HEADER } from '../protocol/report.ts';

/** What a reader that does not read may leave unsent before its stream is given up. */
export const MAX_UNSENT_BYTES = 4 * 1024 * 1024;

/**
 * A `text/event-stream` answer. Frames are collected and go out with one write per `flush`; the headers go with the
 * first of them, so that a failure before it can still be a status.
 */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #onOverflow: () => void;
  readonly #hasTrailer: boolean;
  #frames = '';

  /** `onOverflow`: the reader is too slow, the stream is gone. `hasTrailer`: a report follows. */
  constructor(response: ServerResponse, hasTrailer: boolean, onOverflow: () => void) {
    this.#response = response;
    this.#hasTrailer = hasTrailer;
    this.#onOverflow = onOverflow;
  }

  /** Bytes went out, or are about to: the status is fixed. */
  get isOpen(): boolean {
    return this.#response.headersSent;
  }

  push(frames: string): void {
    this.#frames += frames;
  }

  flush(): void {
    if (this.#frames === '' || this.#response.destroyed) return;
    this.#open();
    const frames = this.#frames;
    this.#frames = '';
    this.#response.write(frames);
    if (this.#response.writableLength <= MAX_UNSENT_BYTES) return;
    this.#response.destroy();
    this.#onOverflow();
  }

  /** Sends what was collected and ends the answer, with the report as its trailer where one was announced. */
  end(report: string | null): void {
    if (this.#response.destroyed) return;
    this.#open();
    if (report !== null && this.#hasTrailer) this.#response.addTrailers({ [REPORT_HEADER]: report });
    this.#response.end(this.#frames);
    this.#frames = '';
  }

  #open(): void {
    if (this.#response.headersSent) return;
    const headers: Record<string, string> = {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
    };
    if (this.#hasTrailer) headers.trailer = REPORT_HEADER;
    this.#response.writeHead(200, headers);
  }
}

import type { DeltaEvent, FinishReason } from '../../native/addonTypes.ts';
import { REPORT_HEADER } from '../protocol/report.ts';
import type { Outlet } from './choices.ts';
import { EventStream } from './eventStream.ts';
import { answerFailure, answerJson, type Exchange } from './exchange.ts';
import { errorJson, type Failure } from './failure.ts';
import { reportHeader, type Tally, usageJson } from './usage.ts';

/** How an endpoint writes the chunks of a stream. Frames are whole (`data: ...\n\n`); '' says nothing. */
export interface ChunkWriter {
  delta(choice: number, delta: DeltaEvent): string;
  finish(choice: number, reason: FinishReason): string;
  usage(usageJson: string): string;
}

/** How an endpoint collects a whole answer. */
export interface AnswerWriter {
  delta(choice: number, delta: DeltaEvent): void;
  finish(choice: number, reason: FinishReason): void;
  json(usageJson: string): string;
}

/** A stream of chunks. With a report the usage chunk and `[DONE]` are the gateway's to write. */
export class StreamOutlet implements Outlet {
  readonly #exchange: Exchange;
  readonly #writer: ChunkWriter;
  readonly #includeUsage: boolean;
  readonly #stream: EventStream;

  constructor(exchange: Exchange, writer: ChunkWriter, includeUsage: boolean, onOverflow: () => void) {
    this.#exchange = exchange;
    this.#writer = writer;
    this.#includeUsage = includeUsage;
    this.#stream = new EventStream(exchange.response, exchange.wantsReport, onOverflow);
  }

  delta(choice: number, delta: DeltaEvent): void {
    this.#stream.push(this.#writer.delta(choice, delta));
  }

  finished(choice: number, reason: FinishReason): void {
    this.#stream.push(this.#writer.finish(choice, reason));
  }

  flush(): void {
    this.#stream.flush();
  }

  completed(tally: Tally): void {
    if (this.#exchange.wantsReport) return this.#stream.end(reportHeader(tally));
    if (this.#includeUsage) this.#stream.push(this.#writer.usage(usageJson(tally)));
    this.#stream.push('data: [DONE]\n\n');
    this.#stream.end(null);
  }

  failed(failure: Failure, tally: Tally): void {
    if (!this.#stream.isOpen) return answerFailure(this.#exchange, failure, tally);
    this.#stream.push(`data: ${errorJson(failure)}\n\n`);
    this.#stream.end(reportHeader(tally, failure));
  }
}

/** One JSON answer when all choices are done. */
export class WholeOutlet implements Outlet {
  readonly #exchange: Exchange;
  readonly #writer: AnswerWriter;

  constructor(exchange: Exchange, writer: AnswerWriter) {
    this.#exchange = exchange;
    this.#writer = writer;
  }

  delta(choice: number, delta: DeltaEvent): void {
    this.#writer.delta(choice, delta);
  }

  finished(choice: number, reason: FinishReason): void {
    this.#writer.finish(choice, reason);
  }

  flush(): void {}

  completed(tally: Tally): void {
    const headers: Record<string, string> = this.#exchange.wantsReport
      ? { [REPORT_HEADER]: reportHeader(tally) }
      : {};
    answerJson(this.#exchange.response, 200, this.#writer.json(usageJson(tally)), headers);
  }

  failed(failure: Failure, tally: Tally): void {
    answerFailure(this.#exchange, failure, tally);
  }
}

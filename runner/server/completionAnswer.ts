import type { DeltaEvent, FinishReason } from '../../native/addonTypes.ts';
import type { AnswerHead } from './chatChunks.ts';
import { appendLegacyLogprobs, emptyLegacyLogprobs, type LegacyLogprobs } from './logprobs.ts';
import type { AnswerWriter } from './outlets.ts';

interface Collected {
  text: string;
  logprobs: LegacyLogprobs | null;
  offset: number;
  finishReason: FinishReason | null;
}

/** A whole `text_completion`. */
export class CompletionAnswer implements AnswerWriter {
  readonly #head: AnswerHead;
  readonly #choices: Collected[];

  /** `echoes`: what goes in front of each choice. `logprobs`: alternatives per token; null for none at all. */
  constructor(head: AnswerHead, echoes: string[], logprobs: number | null) {
    this.#head = head;
    this.#choices = echoes.map((text) => ({
      text,
      logprobs: logprobs === null ? null : emptyLegacyLogprobs(logprobs > 0),
      offset: 0,
      finishReason: null,
    }));
  }

  delta(choice: number, delta: DeltaEvent): void {
    const at = this.#choices[choice];
    if (at === undefined) return;
    at.text += delta.text;
    if (at.logprobs !== null && delta.logprobs !== undefined) {
      at.offset = appendLegacyLogprobs(at.logprobs, delta.logprobs, at.offset);
    }
  }

  finish(choice: number, reason: FinishReason): void {
    const at = this.#choices[choice];
    if (at !== undefined) at.finishReason = reason;
  }

  json(usageJson: string): string {
    const { id, createdAtEpochS: created, model, fingerprint } = this.#head;
    const choices = this.#choices.map(({ text, logprobs, finishReason }, index) => ({
      text,
      index,
      logprobs,
      finish_reason: finishReason,
    }));
    const answer = {
      id,
      object: 'text_completion',
      created,
      model,
      system_fingerprint: fingerprint,
      choices,
    };
    return `${JSON.stringify(answer).slice(0, -1)},"usage":${usageJson}}`;
  }
}

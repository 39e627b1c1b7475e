import type { DeltaEvent, FinishReason } from '../../native/addonTypes.ts';
import type { AnswerHead } from './chatChunks.ts';
import { appendLegacyLogprobs, emptyLegacyLogprobs } from './logprobs.ts';
import type { ChunkWriter } from './outlets.ts';

/** Chunks of a streamed `text_completion`, which have the shape of the whole answer. */
export class CompletionChunks implements ChunkWriter {
  readonly #head: string;
  readonly #tail: string;
  readonly #withTop: boolean;
  readonly #choices: { echo: string; offset: number; textEnd: string }[];

  /** `echoes`: what goes in front of each choice. `withTop`: alternatives were asked for. */
  constructor(head: AnswerHead, echoes: string[], withTop: boolean, includeUsage: boolean) {
    const { id, createdAtEpochS: created, model, fingerprint } = head;
    const common = { id, object: 'text_completion', created, model, system_fingerprint: fingerprint };
    this.#head = `data: ${JSON.stringify(common).slice(0, -1)}`;
    this.#tail = `]${includeUsage ? ',"usage":null' : ''}}\n\n`;
    this.#withTop = withTop;
    this.#choices = echoes.map((echo, index) => ({
      echo,
      offset: 0,
      textEnd: `,"index":${index},"logprobs":null,"finish_reason":null}${this.#tail}`,
    }));
  }

  delta(choice: number, { text, logprobs }: DeltaEvent): string {
    const at = this.#choices[choice];
    if (at === undefined) return '';
    const whole = at.echo + text;
    at.echo = '';
    const start = `${this.#head},"choices":[{"text":${JSON.stringify(whole)}`;
    if (logprobs === undefined) return whole === '' ? '' : start + at.textEnd;
    const shaped = emptyLegacyLogprobs(this.#withTop);
    at.offset = appendLegacyLogprobs(shaped, logprobs, at.offset);
    return `${start},"index":${choice},"logprobs":${JSON.stringify(shaped)},"finish_reason":null}${this.#tail}`;
  }

  finish(choice: number, reason: FinishReason): string {
    const echo = JSON.stringify(this.#choices[choice]?.echo ?? '');
    const named = JSON.stringify(reason);
    return `${this.#head},"choices":[{"text":${echo},"index":${choice},"logprobs":null,"finish_reason":${named}}${this.#tail}`;
  }

  usage(usageJson: string): string {
    return `${this.#head},"choices":[],"usage":${usageJson}}\n\n`;
  }
}

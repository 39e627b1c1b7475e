import type { DeltaEvent, FinishReason, TokenLogprob, ToolCallDelta } from '../../native/addonTypes.ts';
import { type AnswerHead, chatFinishReason } from './chatChunks.ts';
import { chatLogprobs } from './logprobs.ts';
import type { AnswerWriter } from './outlets.ts';

interface Collected {
  text: string;
  reasoning: string;
  calls: { id: string; name: string; arguments: string }[];
  logprobs: TokenLogprob[] | null;
  finishReason: string | null;
}

/** A whole `chat.completion`. */
export class ChatAnswer implements AnswerWriter {
  readonly #head: AnswerHead;
  readonly #choices: Collected[];

  constructor(head: AnswerHead, choices: number, withLogprobs: boolean) {
    this.#head = head;
    this.#choices = Array.from({ length: choices }, () => ({
      text: '',
      reasoning: '',
      calls: [],
      logprobs: withLogprobs ? [] : null,
      finishReason: null,
    }));
  }

  delta(choice: number, delta: DeltaEvent): void {
    const at = this.#choices[choice];
    if (at === undefined) return;
    at.text += delta.text;
    if (delta.reasoning !== undefined) at.reasoning += delta.reasoning;
    if (delta.logprobs !== undefined) at.logprobs?.push(...delta.logprobs);
    for (const call of delta.toolCalls ?? []) addCall(at.calls, call);
  }

  finish(choice: number, reason: FinishReason): void {
    const at = this.#choices[choice];
    if (at !== undefined) at.finishReason = chatFinishReason(reason, this.#head.legacyFunctions);
  }

  json(usageJson: string): string {
    const { id, createdAtEpochS: created, model, fingerprint, serviceTier } = this.#head;
    const choices = this.#choices.map((at, index) => ({
      index,
      message: this.#message(at),
      logprobs: at.logprobs === null ? null : chatLogprobs(at.logprobs),
      finish_reason: at.finishReason,
    }));
    const answer = {
      id,
      object: 'chat.completion',
      created,
      model,
      ...(serviceTier ? { service_tier: serviceTier } : {}),
      system_fingerprint: fingerprint,
      choices,
    };
    return `${JSON.stringify(answer).slice(0, -1)},"usage":${usageJson}}`;
  }

  #message({ text, reasoning, calls }: Collected): Record<string, unknown> {
    const content = text === '' && calls.length > 0 ? null : text;
    const message: Record<string, unknown> = { role: 'assistant', content, refusal: null };
    if (reasoning !== '') message.reasoning_content = reasoning;
    const [first] = calls;
    if (first === undefined) return message;
    if (this.#head.legacyFunctions) message.function_call = { name: first.name, arguments: first.arguments };
    else {
      message.tool_calls = calls.map((call) => ({
        id: call.id,
        type: 'function',
        function: { name: call.name, arguments: call.arguments },
      }));
    }
    return message;
  }
}

function addCall(calls: Collected['calls'], delta: ToolCallDelta): void {
  const call = calls[delta.index] ?? { id: '', name: '', arguments: '' };
  calls[delta.index] = call;
  call.id += delta.id ?? '';
  call.name += delta.name ?? '';
  call.arguments += delta.argumentsDelta;
}

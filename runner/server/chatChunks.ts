import type { DeltaEvent, FinishReason, ToolCallDelta } from '../../native/addonTypes.ts';
import { chatLogprobs } from './logprobs.ts';
import type { ChunkWriter } from './outlets.ts';

/** What all chunks and answers of one request have in common. */
export interface AnswerHead {
  id: string;
  createdAtEpochS: number;
  /** Echoed as the client sent it. */
  model: string;
  fingerprint: string;
  legacyFunctions: boolean;
  /** Told in chats only: text completions have no such field. */
  serviceTier: 'default' | 'flex' | null;
}

/**
 * Chunks of `chat.completion.chunk`. What does not change between the chunks of a choice is made once, so that a text
 * delta costs one JSON string and two concatenations.
 */
export class ChatChunks implements ChunkWriter {
  readonly #head: string;
  readonly #tail: string;
  readonly #legacyFunctions: boolean;
  readonly #choices: { start: string; textStart: string; begun: boolean }[];
  readonly #textEnd: string;

  constructor(head: AnswerHead, choices: number, includeUsage: boolean) {
    const { id, createdAtEpochS: created, model, fingerprint } = head;
    const common = {
      id,
      object: 'chat.completion.chunk',
      created,
      model,
      ...(head.serviceTier ? { service_tier: head.serviceTier } : {}),
      system_fingerprint: fingerprint,
    };
    this.#head = `data: ${JSON.stringify(common).slice(0, -1)}`;
    this.#tail = `]${includeUsage ? ',"usage":null' : ''}}\n\n`;
    this.#textEnd = `},"logprobs":null,"finish_reason":null}${this.#tail}`;
    this.#legacyFunctions = head.legacyFunctions;
    this.#choices = Array.from({ length: choices }, (_, index) => {
      const start = `${this.#head},"choices":[{"index":${index},"delta":`;
      return { start, textStart: `${start}{"content":`, begun: false };
    });
  }

  delta(choice: number, delta: DeltaEvent): string {
    const at = this.#choices[choice];
    if (at === undefined) return '';
    const { text, reasoning, toolCalls, logprobs } = delta;
    const first = this.#begin(choice);
    if (reasoning === undefined && toolCalls === undefined && logprobs === undefined) {
      return text === '' ? first : `${first}${at.textStart}${JSON.stringify(text)}${this.#textEnd}`;
    }
    const content: Record<string, unknown> = {};
    if (reasoning !== undefined && reasoning !== '') content.reasoning_content = reasoning;
    if (text !== '' || (logprobs !== undefined && toolCalls === undefined)) content.content = text;
    Object.assign(content, this.#toolFields(toolCalls ?? []));
    if (Object.keys(content).length === 0) return first;
    const shaped = logprobs === undefined ? 'null' : JSON.stringify(chatLogprobs(logprobs));
    return `${first}${at.start}${JSON.stringify(content)},"logprobs":${shaped},"finish_reason":null}${this.#tail}`;
  }

  finish(choice: number, reason: FinishReason): string {
    const named = JSON.stringify(chatFinishReason(reason, this.#legacyFunctions));
    const start = this.#choices[choice]?.start ?? '';
    return `${this.#begin(choice)}${start}{},"logprobs":null,"finish_reason":${named}}${this.#tail}`;
  }

  usage(usageJson: string): string {
    return `${this.#head},"choices":[],"usage":${usageJson}}\n\n`;
  }

  /** The first chunk of a choice tells the role. */
  #begin(choice: number): string {
    const at = this.#choices[choice];
    if (at === undefined || at.begun) return '';
    at.begun = true;
    return `${at.start}{"role":"assistant","content":"","refusal":null${this.#textEnd}`;
  }

  #toolFields(calls: ToolCallDelta[]): Record<string, unknown> {
    if (calls.length === 0) return {};
    if (!this.#legacyFunctions) return { tool_calls: calls.map(toolCallDelta) };
    // Several pieces of the one call may come together.
    const ofFirst = calls.filter((call) => call.index === 0);
    if (ofFirst.length === 0) return {};
    const name = ofFirst.find((call) => call.name !== undefined)?.name;
    const text = ofFirst.map((call) => call.argumentsDelta).join('');
    return { function_call: { ...(name === undefined ? {} : { name }), arguments: text } };
  }
}

function toolCallDelta({ index, id, name, argumentsDelta }: ToolCallDelta) {
  const named = { ...(name === undefined ? {} : { name }), arguments: argumentsDelta };
  return id === undefined ? { index, function: named } : { index, id, type: 'function', function: named };
}

/** The deprecated `functions` had a finish reason of their own. */
export function chatFinishReason(reason: FinishReason, legacyFunctions: boolean): string {
  return legacyFunctions && reason === 'tool_calls' ? 'function_call' : reason;
}

import type OpenAI from 'openai';
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import { expect } from 'vitest';
import { ROOT } from './startGateway.ts';

type ChatStream = AsyncIterable<OpenAI.Chat.ChatCompletionChunk>;

/** The demo's files, for configurations and admin requests of a test. */
export const DEMO_FILES = {
  base: `${ROOT}/demo/models/tiny-chat-q8_0.gguf`,
  pirate: `${ROOT}/demo/models/lora-pirate.gguf`,
  json: `${ROOT}/demo/models/lora-json.gguf`,
} as const;

/** Greedy answers to the banana question, per adapter. */
export const BANANA = {
  base: 'A banana is yellow.',
  pirate: 'Arr! A banana be yellow, matey!',
  json: '{"answer": "A banana is yellow."}',
} as const;

export const user = (content: string): ChatCompletionMessageParam[] => [{ role: 'user', content }];

/** A greedy request about a banana. */
export const banana = (model: string) => ({
  model,
  temperature: 0,
  messages: user('What color is a banana?'),
});

/** A completion that holds its sequence for as many tokens as it asks for: nothing ends it before. */
export const ENDLESS = {
  model: 'tiny-chat',
  prompt: 'Once upon a time',
  max_tokens: 2000,
  temperature: 1.5,
  logit_bias: { '0': -100, '1': -100, '2': -100 },
};

/** A conversation that ends by asking for the name that it began with. */
export const introduced = (name: string): ChatCompletionMessageParam[] => [
  { role: 'user', content: `My name is ${name}.` },
  { role: 'assistant', content: `Nice to meet you, ${name}.` },
  { role: 'user', content: 'What is my name?' },
];

/** What a stream's choices add up to. */
export interface Streamed {
  readonly chunks: OpenAI.Chat.ChatCompletionChunk[];
  readonly texts: string[];
  readonly finishReasons: (string | null)[];
}

/** Reads a chat stream to its end; each choice must begin with its role and end with one finish reason. */
export async function collect(stream: ChatStream): Promise<Streamed> {
  const chunks: OpenAI.Chat.ChatCompletionChunk[] = [];
  const texts: string[] = [];
  const finishReasons: (string | null)[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
    for (const { index, delta, finish_reason: reason } of chunk.choices) {
      if (texts[index] === undefined) expect(delta.role).toBe('assistant');
      expect(finishReasons[index] ?? null).toBeNull();
      texts[index] = (texts[index] ?? '') + (delta.content ?? '');
      finishReasons[index] = reason;
    }
  }
  return { chunks, texts, finishReasons };
}

/** The error that a promise rejects with; a promise that resolves fails the test. */
export async function rejection(promise: PromiseLike<unknown>): Promise<any> {
  return Promise.resolve(promise).then(
    () => expect.unreachable('expected a rejection'),
    (error: unknown) => error,
  );
}

import type { ApiKey } from '../domain/apiKey.ts';
import type { Combo } from '../domain/combo.ts';
import type { Endpoint } from '../domain/requestRecord.ts';
import type { Ask } from '../shell/keys/keyAccess.ts';
import type { ParsedInference } from './openai/parsed.ts';

/** What a request without `max_tokens` is taken to answer, for the limit by the minute. */
const USUAL_OUTPUT_TOKENS = 1024;
/** Bytes of a token in ordinary text. */
const BYTES_PER_TOKEN = 4;

type Tokens = Pick<Ask, 'tokens' | 'mostInputTokens' | 'mostOutputTokens'>;

/**
 * The tokens that a request is likely to take, and can take at most. Nothing is tokenised here: a token has at least
 * one byte, and about four.
 */
export function tokensOf(key: ApiKey, parsed: ParsedInference, combo: Combo, endpoint: Endpoint): Tokens {
  const { tokensPerMinute } = key.limits;
  if (tokensPerMinute === null && key.budget === null) {
    return { tokens: 0, mostInputTokens: 0, mostOutputTokens: 0 };
  }
  const { contextTokens } = combo.model;
  const { body, maxTokens } = parsed;
  const bytes = Buffer.byteLength(JSON.stringify(body));
  const inputs = inputsOf(body);
  const answers = endpoint === 'embeddings' ? 0 : inputs * answersOf(body);
  const output = answers * (maxTokens ?? Math.min(contextTokens, USUAL_OUTPUT_TOKENS));
  const likely = Math.ceil(bytes / BYTES_PER_TOKEN) + output;
  return {
    // What nobody asked for is no reason to refuse a request for ever.
    tokens: maxTokens === undefined ? Math.min(likely, tokensPerMinute ?? likely) : likely,
    mostInputTokens: Math.min(bytes, inputs * contextTokens),
    mostOutputTokens: answers * (maxTokens ?? contextTokens),
  };
}

/** Texts, or lists of tokens, that a body holds in one field. */
function inputsOf(body: ParsedInference['body']): number {
  const input = body['prompt'] ?? body['input'];
  return Array.isArray(input) && typeof input[0] !== 'number' ? Math.max(1, input.length) : 1;
}

function answersOf(body: ParsedInference['body']): number {
  return Math.max(1, numberOf(body['n']), numberOf(body['best_of']));
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

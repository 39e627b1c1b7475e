import type { Endpoint } from './requestRecord.ts';

/** What a request may take, by its body alone: nothing is tokenised at the door. */
export interface TokenBounds {
  /** By length. */
  readonly likelyPrompt: number;
  /** A token has at least one byte, and an input is at most a context. */
  readonly mostPrompt: number;
  /** Over all answers; null: the request names no bound. */
  readonly askedCompletion: number | null;
  /** What was asked for, or a usual answer each. */
  readonly likelyCompletion: number;
  /** What was asked for, or a context each. */
  readonly mostCompletion: number;
}

/** Bytes of a token in ordinary text and JSON, in common vocabularies. */
const BYTES_PER_TOKEN = 4;
/** What a request without `max_tokens` is taken to answer. */
const USUAL_COMPLETION = 1024;

/** `body`: as the runner gets it, of so many bytes as JSON. */
export function boundsOf(
  endpoint: Endpoint,
  body: Readonly<Record<string, unknown>>,
  bodyBytes: number,
  contextTokens: number,
): TokenBounds {
  const inputs = inputsOf(body);
  const answers = endpoint === 'embeddings' ? 0 : inputs * (numberOf(body['n']) ?? 1);
  const asked = endpoint === 'embeddings' ? 0 : numberOf(body['max_tokens']);
  return {
    likelyPrompt: Math.ceil(bodyBytes / BYTES_PER_TOKEN),
    mostPrompt: Math.min(bodyBytes, inputs * contextTokens),
    askedCompletion: asked === null ? null : answers * asked,
    likelyCompletion: answers * (asked ?? Math.min(contextTokens, USUAL_COMPLETION)),
    mostCompletion: answers * (asked ?? contextTokens),
  };
}

/** Texts, or lists of tokens, that a body holds in one field. */
function inputsOf({ prompt, input }: Readonly<Record<string, unknown>>): number {
  const field = prompt ?? input;
  return Array.isArray(field) && typeof field[0] !== 'number' ? Math.max(1, field.length) : 1;
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

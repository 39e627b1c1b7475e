import type { TokenAlternative, TokenLogprob } from '../../native/addonTypes.ts';

/** llama.cpp gives minus infinity where OpenAI, whose JSON cannot, gives this. */
const NO_PROBABILITY = -9999;

function finite(logprob: number): number {
  return Number.isFinite(logprob) ? logprob : NO_PROBABILITY;
}

function chatAlternative({ token, bytes, logprob }: TokenAlternative) {
  return { token, logprob: finite(logprob), bytes };
}

/** Log probabilities as chat completions shape them. */
export function chatLogprobs(tokens: TokenLogprob[]) {
  return {
    content: tokens.map((token) => ({
      ...chatAlternative(token),
      top_logprobs: token.top.map(chatAlternative),
    })),
    refusal: null,
  };
}

/** Log probabilities as the legacy completions shape them. Offsets are in UTF-16 units of the choice's text. */
export interface LegacyLogprobs {
  tokens: string[];
  token_logprobs: number[];
  top_logprobs: Record<string, number>[] | null;
  text_offset: number[];
}

export function emptyLegacyLogprobs(withTop: boolean): LegacyLogprobs {
  return { tokens: [], token_logprobs: [], top_logprobs: withTop ? [] : null, text_offset: [] };
}

/** Appends tokens; the first starts at `offset`. Returns the offset behind the last. */
export function appendLegacyLogprobs(into: LegacyLogprobs, tokens: TokenLogprob[], offset: number): number {
  let next = offset;
  for (const { token, logprob, top } of tokens) {
    into.tokens.push(token);
    into.token_logprobs.push(finite(logprob));
    into.top_logprobs?.push(Object.fromEntries(top.map((other) => [other.token, finite(other.logprob)])));
    into.text_offset.push(next);
    next += token.length;
  }
  return next;
}

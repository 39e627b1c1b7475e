import { type Failure, fail, ok, type Result } from '../../domain/errors.ts';
import { type CompletionInput, completionSchema } from './completionSchema.ts';
import type { ParsedInference } from './parsed.ts';
import { readBody, readCommon } from './read.ts';
import { normaliseSampling } from './sampling.ts';
import { checkTextOrTokens, countOf } from './textOrTokens.ts';
import { COMPLETION_UNSUPPORTED, unsupported, unsupportedIn } from './unsupported.ts';

/** What OpenAI's completions endpoint makes unless told otherwise. */
const DEFAULT_MAX_TOKENS = 16;
/** Choices that one request may ask for: prompts times `n`. */
const MAX_CHOICES = 128;

/** Reads the body of `POST /v1/completions` and normalises it for a runner. */
export function parseCompletion(json: unknown): Result<ParsedInference> {
  const read = readBody(completionSchema, json);
  if (!read.ok) return read;
  const { input, raw, ignored } = read.value;
  const refused = unsupportedIn(raw, COMPLETION_UNSUPPORTED) ?? checkBestOf(input);
  if (refused) return { ok: false, error: refused };
  const common = readCommon(input);
  if (!common.ok) return common;
  const prompt = checkTextOrTokens(input.prompt, 'prompt', true);
  if (!prompt.ok) return prompt;
  const choices = countOf(prompt.value) * (input.n ?? 1);
  if (choices > MAX_CHOICES) {
    return fail(
      'invalid_request',
      `Cannot read request: \`prompt\`: expected at most ${MAX_CHOICES} choices (prompts times \`n\`), got ${choices}`,
      'prompt',
    );
  }
  const sampling = normaliseSampling(input, input.max_tokens ?? DEFAULT_MAX_TOKENS);
  if (!sampling.ok) return sampling;
  const body = {
    prompt: prompt.value,
    ...sampling.value,
    ...(input.logprobs == null ? {} : { logprobs: input.logprobs }),
    ...(input.echo == null ? {} : { echo: input.echo }),
  };
  return ok({
    model: input.model,
    lora: common.value.lora,
    body,
    stream: input.stream === true,
    includeUsage: input.stream_options?.include_usage === true,
    legacyFunctions: false,
    keepAliveMs: common.value.keepAliveMs,
    serviceTier: common.value.serviceTier,
    maxTokens: input.max_tokens ?? undefined,
    maxTokensParam: 'max_tokens',
    ignored: ignored.names(),
  });
}

/** As many candidates as choices asks for no choosing; more cannot be honoured; fewer OpenAI refuses too. */
function checkBestOf(input: CompletionInput): Failure | null {
  const bestOf = input.best_of ?? input.n ?? 1;
  const n = input.n ?? 1;
  if (bestOf === n) return null;
  if (bestOf > n) return unsupported('best_of');
  return fail(
    'invalid_request',
    `Cannot read request: \`best_of\`: expected at least \`n\` (${n}), got ${bestOf}`,
    'best_of',
  ).error;
}

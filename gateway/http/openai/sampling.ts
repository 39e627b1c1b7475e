import { fail, ok, type Result } from '../../domain/errors.ts';
import type { CompletionInput } from './completionSchema.ts';

/** The fields that chat and text completions share, as both schemas give them. */
type SamplingInput = Omit<CompletionInput, 'prompt' | 'logprobs' | 'echo' | 'best_of' | 'suffix'>;

const COPIED = [
  'n',
  'temperature',
  'top_p',
  'min_p',
  'presence_penalty',
  'frequency_penalty',
  'logit_bias',
] as const satisfies readonly (keyof SamplingInput)[];

/** Largest prime below 2^32: folds a seed that no double holds exactly without losing its high bits. */
const SEED_MODULUS = 4_294_967_291;

/** The sampling part of a runner's body: null is absent, synonyms are one, a lone stop string is a list. */
export function normaliseSampling(
  input: SamplingInput,
  maxTokens: number | undefined,
): Result<Record<string, unknown>> {
  if (input.stream_options != null && input.stream !== true) {
    return fail(
      'invalid_request',
      'Cannot read request: `stream_options`: expected only with `stream` true',
      'stream_options',
    );
  }
  const body: Record<string, unknown> = {};
  if (input.stream === true) body['stream'] = true;
  if (input.stream_options?.include_usage === true) body['stream_options'] = { include_usage: true };
  for (const name of COPIED) if (input[name] != null) body[name] = input[name];
  if (input.top_k != null) body['top_k'] = Math.max(0, input.top_k);
  if (input.seed != null) {
    body['seed'] = Number.isSafeInteger(input.seed) ? input.seed : input.seed % SEED_MODULUS;
  }
  const repeat = input.repeat_penalty ?? input.repetition_penalty;
  if (repeat != null) body['repeat_penalty'] = repeat;
  if (maxTokens !== undefined) body['max_tokens'] = maxTokens;
  const stop = typeof input.stop === 'string' ? [input.stop] : (input.stop ?? []);
  const stops = stop.filter((text) => text !== '');
  if (stops.length > 0) body['stop'] = stops;
  return ok(body);
}

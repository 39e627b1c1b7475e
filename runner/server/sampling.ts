import type { Sampling } from '../../native/addonTypes.ts';
import type { LoadedBase } from '../engine/engine.ts';
import type { ChatRequest, CompletionRequest } from '../protocol/request.ts';
import { type Checked, refuse } from './failure.ts';

/** llama.cpp takes 32 bits and reads the last of them as "draw one". */
const SEED_MODULUS = 0xffffffff;

type SamplingFields = Omit<ChatRequest, 'messages'> | Omit<CompletionRequest, 'prompt'>;

/** The sampling of a request; what is not given is OpenAI's default. */
export function samplingOf(body: SamplingFields, base: LoadedBase): Checked<Sampling> {
  const logitBias: [number, number][] = [];
  for (const [key, bias] of Object.entries(body.logit_bias ?? {})) {
    const token = Number(key);
    if (token >= base.vocabularySize) {
      const message = `Cannot accept "logit_bias": expected token ids below ${base.vocabularySize}, got ${key.slice(0, 20)}`;
      return refuse('invalid_logit_bias', message, 'logit_bias');
    }
    logitBias.push([token, bias]);
  }
  return {
    ok: true,
    value: {
      temperature: body.temperature ?? 1,
      topP: body.top_p ?? 1,
      topK: body.top_k ?? 0,
      minP: body.min_p ?? 0,
      seed: body.seed ?? null,
      presencePenalty: body.presence_penalty ?? 0,
      frequencyPenalty: body.frequency_penalty ?? 0,
      repeatPenalty: body.repeat_penalty ?? 1,
      logitBias,
    },
  };
}

/** The sampling of one choice: its own seed, so that choices differ and can be repeated. */
export function forChoice(sampling: Sampling, choice: number): Sampling {
  if (sampling.seed === null) return sampling;
  const seed = (sampling.seed % SEED_MODULUS) + choice + SEED_MODULUS;
  return { ...sampling, seed: seed % SEED_MODULUS };
}

/** `max_tokens` as the engine takes it. More than the context is a mistake; what remains of it is the engine's to cut. */
export function maxTokensOf(
  asked: number | undefined,
  absent: number | null,
  base: LoadedBase,
): Checked<number | null> {
  if (asked === undefined) return { ok: true, value: absent };
  if (asked <= base.contextTokens) return { ok: true, value: asked };
  const message = `Cannot accept "max_tokens": expected at most ${base.contextTokens} (the context), got ${asked}`;
  return refuse('invalid_value', message, 'max_tokens');
}

import type { GenerateRequest, TextPrompt, TokenPrompt } from '../../native/addonTypes.ts';
import type { LoadedBase } from '../engine/engine.ts';
import type { CompletionRequest } from '../protocol/request.ts';
import type { ChoicePlan } from './choices.ts';
import { type Checked, refuse } from './failure.ts';
import { forChoice, maxTokensOf, samplingOf } from './sampling.ts';

/** What the completions endpoint of OpenAI takes when `max_tokens` is absent. */
const DEFAULT_MAX_TOKENS = 16;

export interface CompletionPlan extends ChoicePlan {
  /** The text that `echo` puts in front of each choice; '' without it. */
  echoes: string[];
}

/** What the engine is to do for a text completion: choices of one prompt stand together. */
export function planCompletion(
  body: CompletionRequest,
  combo: string,
  base: LoadedBase,
): Checked<CompletionPlan> {
  const inputs = splitInputs(body.prompt);
  const refused = checkTokens(inputs, base, 'prompt') ?? checkEcho(body, inputs);
  if (refused !== null) return refused;
  const sampling = samplingOf(body, base);
  if (!sampling.ok) return sampling;
  const maxTokens = maxTokensOf(body.max_tokens, Math.min(DEFAULT_MAX_TOKENS, base.contextTokens), base);
  if (!maxTokens.ok) return maxTokens;
  const n = body.n ?? 1;
  const requests: GenerateRequest[] = [];
  const echoes: string[] = [];
  for (const input of inputs) {
    const prompt: TextPrompt | TokenPrompt =
      typeof input === 'string' ? { kind: 'text', text: input } : { kind: 'tokens', tokens: input };
    for (let choice = 0; choice < n; choice += 1) {
      requests.push({
        combo,
        prompt,
        maxTokens: maxTokens.value,
        sampling: forChoice(sampling.value, choice),
        stop: body.stop ?? [],
        topLogprobs: body.logprobs ?? null,
      });
      echoes.push(body.echo === true && typeof input === 'string' ? input : '');
    }
  }
  return { ok: true, value: { requests, echoes, choicesPerPrompt: n, promptParam: 'prompt' } };
}

type Inputs = (string | number[])[];

/** The forms of a prompt or an embedding input as one list. */
export function splitInputs(input: CompletionRequest['prompt']): Inputs {
  if (typeof input === 'string') return [input];
  return typeof input[0] === 'number' ? [input as number[]] : (input as Inputs);
}

/** Token ids that the model does not have are refused here; null when all are good. */
export function checkTokens(inputs: Inputs, base: LoadedBase, param: string) {
  for (const input of inputs) {
    if (typeof input === 'string') continue;
    const wrong = input.find((token) => token >= base.vocabularySize);
    if (wrong === undefined) continue;
    const message = `Cannot accept "${param}": expected token ids below ${base.vocabularySize}, got ${wrong}`;
    return refuse('invalid_value', message, param);
  }
  return null;
}

function checkEcho(body: CompletionRequest, inputs: Inputs) {
  if (body.echo !== true) return null;
  if (body.logprobs !== undefined) {
    return refuse('invalid_value', 'Cannot accept "echo": expected no "logprobs" beside it', 'echo');
  }
  if (inputs.every((input) => typeof input === 'string')) return null;
  return refuse('invalid_value', 'Cannot accept "echo": expected a prompt of text, got tokens', 'echo');
}

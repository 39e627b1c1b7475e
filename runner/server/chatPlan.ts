import type { ChatPrompt, GenerateRequest } from '../../native/addonTypes.ts';
import type { LoadedBase } from '../engine/engine.ts';
import type { ChatRequest } from '../protocol/request.ts';
import type { ChoicePlan } from './choices.ts';
import { type Checked, refuse } from './failure.ts';
import { forChoice, maxTokensOf, samplingOf } from './sampling.ts';
import { wellFormedJson } from './wellFormed.ts';

/** What the engine is to do for a chat completion. */
export function planChat(
  body: ChatRequest,
  combo: string,
  base: LoadedBase,
  legacyFunctions: boolean,
): Checked<ChoicePlan> {
  const prompt = chatPrompt(body, legacyFunctions);
  if (!prompt.ok) return prompt;
  const sampling = samplingOf(body, base);
  if (!sampling.ok) return sampling;
  const maxTokens = maxTokensOf(body.max_tokens, null, base);
  if (!maxTokens.ok) return maxTokens;
  if (body.top_logprobs !== undefined && body.logprobs !== true) {
    return refuse(
      'invalid_value',
      'Cannot accept "top_logprobs": expected "logprobs" to be true',
      'top_logprobs',
    );
  }
  const jsonSchema = jsonSchemaOf(body);
  const request: GenerateRequest = {
    combo,
    prompt: prompt.value,
    maxTokens: maxTokens.value,
    sampling: sampling.value,
    ...(jsonSchema === null ? {} : { jsonSchema }),
    stop: body.stop ?? [],
    topLogprobs: body.logprobs === true ? (body.top_logprobs ?? 0) : null,
  };
  const n = body.n ?? 1;
  const requests = Array.from({ length: n }, (_, choice) => ({
    ...request,
    sampling: forChoice(request.sampling, choice),
  }));
  return { ok: true, value: { requests, choicesPerPrompt: n, promptParam: 'messages' } };
}

function jsonSchemaOf({ response_format: format }: ChatRequest): string | null {
  if (format === undefined || format.type === 'text') return null;
  return format.type === 'json_object' ? '{}' : wellFormedJson(format.json_schema.schema ?? {});
}

function chatPrompt(body: ChatRequest, legacyFunctions: boolean): Checked<ChatPrompt> {
  const tools = body.tools ?? [];
  const choice = body.tool_choice;
  const prompt: ChatPrompt = { kind: 'chat', messagesJson: wellFormedJson(body.messages) };
  if (tools.length === 0) {
    if (choice === undefined || choice === 'none' || choice === 'auto') return { ok: true, value: prompt };
    return refuse('invalid_value', 'Cannot accept "tool_choice": expected "tools" beside it', 'tool_choice');
  }
  // The deprecated shape has room for one call only.
  const parallel = legacyFunctions ? false : body.parallel_tool_calls;
  if (parallel !== undefined) prompt.parallelToolCalls = parallel;
  if (typeof choice !== 'object') {
    prompt.toolsJson = wellFormedJson(tools);
    prompt.toolChoice = choice ?? 'auto';
    return { ok: true, value: prompt };
  }
  // A named tool: it is required, and the model sees no other.
  const named = tools.filter((tool) => tool.function.name === choice.function.name);
  if (named.length === 0) {
    const message = `Cannot choose tool ${JSON.stringify(choice.function.name)}: expected one of "tools"`;
    return refuse('invalid_value', message, 'tool_choice');
  }
  prompt.toolsJson = wellFormedJson(named);
  prompt.toolChoice = 'required';
  return { ok: true, value: prompt };
}

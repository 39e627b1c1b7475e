import { fail, ok, type Result } from '../../domain/errors.ts';
import { type ChatInput, chatSchema, type ResponseFormat } from './chatSchema.ts';
import { normaliseMessages } from './messages.ts';
import type { ParsedInference } from './parsed.ts';
import { readBody, readCommon } from './read.ts';
import { normaliseSampling } from './sampling.ts';
import { normaliseTools } from './tools.ts';
import { CHAT_UNSUPPORTED, unsupportedIn } from './unsupported.ts';

/** Reads the body of `POST /v1/chat/completions` and normalises it for a runner. */
export function parseChat(json: unknown): Result<ParsedInference> {
  const read = readBody(chatSchema, json);
  if (!read.ok) return read;
  const { input, raw, ignored } = read.value;
  const unsupported = unsupportedIn(raw, CHAT_UNSUPPORTED);
  if (unsupported) return { ok: false, error: unsupported };
  const common = readCommon(input);
  if (!common.ok) return common;
  const maxTokens = input.max_completion_tokens ?? input.max_tokens ?? undefined;
  const sampling = normaliseSampling(input, maxTokens);
  if (!sampling.ok) return sampling;
  const tools = normaliseTools(input);
  if (!tools.ok) return tools;
  const logprobs = normaliseLogprobs(input);
  if (!logprobs.ok) return logprobs;
  const messages = normaliseMessages(input.messages, raw['messages'] as readonly unknown[], ignored);
  if (!messages.ok) return messages;
  const body = {
    messages: messages.value,
    ...sampling.value,
    ...logprobs.value,
    ...(input.response_format == null ? {} : { response_format: formatOf(input.response_format) }),
    ...tools.value.fields,
  };
  return ok({
    model: input.model,
    lora: common.value.lora,
    body,
    stream: input.stream === true,
    includeUsage: input.stream_options?.include_usage === true,
    legacyFunctions: tools.value.legacyFunctions,
    keepAliveMs: common.value.keepAliveMs,
    serviceTier: common.value.serviceTier,
    maxTokens,
    maxTokensParam: input.max_completion_tokens == null ? 'max_tokens' : 'max_completion_tokens',
    ignored: ignored.names(),
  });
}

function normaliseLogprobs(input: ChatInput): Result<Record<string, unknown>> {
  if (input.logprobs === true) {
    return ok({
      logprobs: true,
      ...(input.top_logprobs == null ? {} : { top_logprobs: input.top_logprobs }),
    });
  }
  if (input.top_logprobs == null || input.top_logprobs === 0) return ok({});
  return fail(
    'invalid_request',
    'Cannot read request: `top_logprobs`: expected only with `logprobs` true',
    'top_logprobs',
  );
}

function formatOf(format: ResponseFormat): object {
  if (format.type === 'text') return { type: 'text' };
  if (format.type === 'json_object') {
    if (format.schema == null) return { type: 'json_object' };
    return { type: 'json_schema', json_schema: { name: 'response', schema: format.schema } };
  }
  const { name, description, schema, strict } = format.json_schema;
  return {
    type: 'json_schema',
    json_schema: {
      name,
      ...(description == null ? {} : { description }),
      ...(schema == null ? {} : { schema }),
      ...(strict == null ? {} : { strict }),
    },
  };
}

/**
 * What a runner of ours accepts: OpenAI's request bodies, normalised by the gateway but still OpenAI's, so that the
 * same body goes to a foreign runner. Deprecated and synonymous fields (`functions`, `max_completion_tokens`, a lone
 * `stop` string, the `developer` role) are already translated, advisory fields are gone. Unknown fields are an error
 * here: whatever could change the output must be understood or refused.
 */
import * as z from 'zod';

const textPart = z.strictObject({ type: z.literal('text'), text: z.string() });
const content = z.union([z.string(), z.array(textPart)]);

const toolCall = z.strictObject({
  id: z.string(),
  type: z.literal('function'),
  function: z.strictObject({ name: z.string(), arguments: z.string() }),
});

export const chatMessageSchema = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('system'), content, name: z.string().optional() }),
  z.strictObject({ role: z.literal('user'), content, name: z.string().optional() }),
  z.strictObject({
    role: z.literal('assistant'),
    content: content.nullable().optional(),
    name: z.string().optional(),
    tool_calls: z.array(toolCall).optional(),
  }),
  z.strictObject({ role: z.literal('tool'), content, tool_call_id: z.string(), name: z.string().optional() }),
]);

export const toolSchema = z.strictObject({
  type: z.literal('function'),
  function: z.strictObject({
    name: z.string(),
    description: z.string().optional(),
    parameters: z.record(z.string(), z.unknown()).optional(),
  }),
});

/** Sampling fields that chat and text completions share. Ranges are checked at the gateway's door too. */
const sampling = {
  model: z.string(),
  stream: z.boolean().optional(),
  stream_options: z.strictObject({ include_usage: z.boolean().optional() }).optional(),
  n: z.int().min(1).max(128).optional(),
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().min(0).max(1).optional(),
  top_k: z.int().min(0).optional(),
  min_p: z.number().min(0).max(1).optional(),
  seed: z.int().optional(),
  presence_penalty: z.number().min(-2).max(2).optional(),
  frequency_penalty: z.number().min(-2).max(2).optional(),
  repeat_penalty: z.number().min(0).max(10).optional(),
  logit_bias: z.record(z.string().regex(/^\d+$/), z.number().min(-100).max(100)).optional(),
  max_tokens: z.int().min(1).optional(),
  stop: z.array(z.string().min(1)).max(16).optional(),
};

export const responseFormatSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json_object') }),
  z.strictObject({
    type: z.literal('json_schema'),
    json_schema: z.strictObject({
      name: z.string(),
      description: z.string().optional(),
      schema: z.record(z.string(), z.unknown()).optional(),
      strict: z.boolean().nullable().optional(),
    }),
  }),
]);

export const toolChoiceSchema = z.union([
  z.enum(['auto', 'none', 'required']),
  z.strictObject({ type: z.literal('function'), function: z.strictObject({ name: z.string() }) }),
]);

export const chatRequestSchema = z.strictObject({
  ...sampling,
  messages: z.array(chatMessageSchema).min(1),
  logprobs: z.boolean().optional(),
  top_logprobs: z.int().min(0).max(20).optional(),
  response_format: responseFormatSchema.optional(),
  tools: z.array(toolSchema).optional(),
  tool_choice: toolChoiceSchema.optional(),
  parallel_tool_calls: z.boolean().optional(),
});
export type ChatRequest = z.infer<typeof chatRequestSchema>;

const tokens = z.array(z.int().nonnegative()).min(1);

/** A text, a list of token ids, or a list of either. */
const textOrTokens = z.union([
  z.string(),
  z.array(z.string()).min(1).max(2048),
  tokens,
  z.array(tokens).min(1).max(2048),
]);

export const completionRequestSchema = z.strictObject({
  ...sampling,
  prompt: textOrTokens,
  /** Alternatives per token, as completions count them. */
  logprobs: z.int().min(0).max(20).optional(),
  echo: z.boolean().optional(),
});
export type CompletionRequest = z.infer<typeof completionRequestSchema>;

export const embeddingRequestSchema = z.strictObject({
  model: z.string(),
  input: textOrTokens,
  encoding_format: z.enum(['float', 'base64']).optional(),
  dimensions: z.int().min(1).optional(),
});
export type EmbeddingRequest = z.infer<typeof embeddingRequestSchema>;

import { z } from '@hono/zod-openapi';
import { common, jsonObject, sampling } from './fields.ts';
import { messageSchema } from './messageSchema.ts';
import { toolFields } from './toolSchema.ts';

const responseFormat = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  /** `schema` is how llama-server and others write `json_schema`. */
  z.object({ type: z.literal('json_object'), schema: jsonObject.nullish() }),
  z.object({
    type: z.literal('json_schema'),
    json_schema: z.object({
      name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
      description: z.string().nullish(),
      schema: jsonObject.nullish(),
      strict: z.boolean().nullish(),
    }),
  }),
]);
export type ResponseFormat = z.output<typeof responseFormat>;

/** The body of `POST /v1/chat/completions`. Fields that are not here are accepted and named in `x-hearth-ignored`. */
export const chatSchema = z
  .object({
    ...common,
    messages: z.array(messageSchema).min(1),
    ...sampling,
    max_completion_tokens: z.int().min(1).nullish(),
    logprobs: z.boolean().nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    response_format: responseFormat.nullish(),
    ...toolFields,
    modalities: z.array(z.string()).max(8).nullish().openapi({ description: 'Only `["text"]`' }),
  })
  .openapi('ChatCompletionRequest');
export type ChatInput = z.output<typeof chatSchema>;

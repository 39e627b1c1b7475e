import { z } from '@hono/zod-openapi';

/** The messages of a chat as OpenAI's clients send them; fields that we do not know are left out. */

const textPart = z.object({ type: z.literal('text'), text: z.string() });
const refusalPart = z.object({ type: z.literal('refusal'), refusal: z.string() });

const content = z.union([z.string(), z.array(textPart)]);
const assistantContent = z.union([
  z.string(),
  z.array(z.discriminatedUnion('type', [textPart, refusalPart])),
]);
const name = z.string().max(256).nullish();

const calledFunction = z.object({ name: z.string().max(256), arguments: z.string() });
const toolCall = z.object({
  id: z.string().max(256),
  type: z.literal('function').nullish(),
  function: calledFunction,
});

export const messageSchema = z
  .discriminatedUnion('role', [
    z.object({ role: z.literal(['system', 'developer']), content, name }),
    z.object({ role: z.literal('user'), content, name }),
    z.object({
      role: z.literal('assistant'),
      content: assistantContent.nullish(),
      refusal: z.string().nullish(),
      name,
      tool_calls: z.array(toolCall).nullish(),
      function_call: calledFunction.nullish().openapi({ deprecated: true }),
    }),
    z.object({ role: z.literal('tool'), content, tool_call_id: z.string().max(256), name }),
    z.object({ role: z.literal('function'), content: content.nullish(), name: z.string().max(256) }),
  ])
  .openapi('ChatMessage');

export type InputMessage = z.output<typeof messageSchema>;
export type InputToolCall = z.output<typeof toolCall>;

/** Every field name that a message may have and that has an effect or is known to have none. */
export const MESSAGE_FIELDS: ReadonlySet<string> = new Set([
  'role',
  'content',
  'refusal',
  'name',
  'tool_calls',
  'tool_call_id',
  'function_call',
]);

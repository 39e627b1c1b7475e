import { z } from '@hono/zod-openapi';
import { jsonObject } from './fields.ts';

const functionName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);

const functionDefinition = z.object({
  name: functionName,
  description: z.string().nullish(),
  parameters: jsonObject.nullish(),
  /** Accepted: arguments are made by a grammar of the parameters in any case. */
  strict: z.boolean().nullish(),
});
export type FunctionDefinition = z.output<typeof functionDefinition>;

const namedFunction = z.object({ type: z.literal('function'), function: z.object({ name: z.string() }) });

/** The fields of a chat request that are about tools, the deprecated ones of `functions` among them. */
export const toolFields = {
  tools: z.array(z.object({ type: z.literal('function'), function: functionDefinition })).nullish(),
  tool_choice: z
    .union([
      z.enum(['auto', 'none', 'required']),
      z.discriminatedUnion('type', [
        namedFunction,
        z.object({
          type: z.literal('allowed_tools'),
          allowed_tools: z.object({
            mode: z.enum(['auto', 'required']),
            tools: z.array(namedFunction).min(1),
          }),
        }),
      ]),
    ])
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  functions: z.array(functionDefinition).nullish().openapi({ deprecated: true }),
  function_call: z
    .union([z.enum(['auto', 'none']), z.object({ name: z.string() })])
    .nullish()
    .openapi({ deprecated: true }),
};

const fields = z.object(toolFields);
export type ToolFields = z.output<typeof fields>;

import { z } from '@hono/zod-openapi';

/** OpenAI's error envelope, for the document. */
export const errorEnvelopeSchema = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string(),
      needed_bytes: z.number().optional(),
      budget_bytes: z.number().optional(),
      in_use: z
        .array(z.object({ runner: z.string(), base: z.string().nullable(), bytes: z.number() }))
        .optional(),
      pinned: z.array(z.object({ combo: z.string(), count: z.number(), bytes: z.number() })).optional(),
    }),
  })
  .openapi('Error');

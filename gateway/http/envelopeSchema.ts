import { z } from '@hono/zod-openapi';

const budget = z.object({
  budget: z.string().openapi({ description: '`memory` for the host, else the name of a device' }),
  needed_bytes: z.number(),
  budget_bytes: z.number(),
  in_use: z.array(z.object({ runner: z.string(), base: z.string().nullable(), bytes: z.number() })),
});

/** OpenAI's error envelope, for the document. */
export const errorEnvelopeSchema = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string(),
      ...budget.partial().shape,
      other_budgets: z.array(budget).optional(),
      pinned: z.array(z.object({ combo: z.string(), count: z.number(), bytes: z.number() })).optional(),
    }),
  })
  .openapi('Error');

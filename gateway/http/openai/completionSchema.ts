import { z } from '@hono/zod-openapi';
import { common, sampling } from './fields.ts';
import { textOrTokensSchema } from './textOrTokens.ts';

/** The body of `POST /v1/completions`. Fields that are not here are accepted and named in `x-hearth-ignored`. */
export const completionSchema = z
  .object({
    ...common,
    prompt: textOrTokensSchema,
    ...sampling,
    logprobs: z.int().min(0).max(20).nullish(),
    echo: z.boolean().nullish(),
    best_of: z.int().min(1).max(128).nullish().openapi({ description: 'Only as many as `n`' }),
    suffix: z.string().nullish().openapi({ description: 'Only empty' }),
  })
  .openapi('CompletionRequest');
export type CompletionInput = z.output<typeof completionSchema>;

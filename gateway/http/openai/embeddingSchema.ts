import { z } from '@hono/zod-openapi';
import { common } from './fields.ts';
import { textOrTokensSchema } from './textOrTokens.ts';

/** The body of `POST /v1/embeddings`. Fields that are not here are accepted and named in `x-hearth-ignored`. */
export const embeddingSchema = z
  .object({
    ...common,
    input: textOrTokensSchema,
    encoding_format: z.enum(['float', 'base64']).nullish(),
    dimensions: z.int().min(1).nullish(),
  })
  .openapi('EmbeddingRequest');

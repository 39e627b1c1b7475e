import { z } from '@hono/zod-openapi';
import { priceBookSchema } from '../../catalogue/priceSchema.ts';
import { queryTime } from './time.ts';

/** The price book as the admin API takes and shows it; docs/prices.md has the exact meaning of every figure. */

export const priceBody = priceBookSchema.openapi('NewPriceBook');

const price = z.object({
  object: z.literal('price_book'),
  version: z.int().openapi({ description: '0: before any was set; everything is free' }),
  current: z.boolean(),
  author: z.enum(['config', 'api']).nullable(),
  created: z.int().nullable().openapi({ description: 'Seconds since the epoch' }),
  ...priceBookSchema.shape,
});
export type PriceRow = z.infer<typeof price>;
export const priceRow = price.openapi('PriceBook');

export const checkQuery = z.object({
  from: queryTime.openapi({ type: 'string', description: 'Arrived at that time or later' }),
  to: queryTime
    .optional()
    .openapi({ type: 'string', description: 'Arrived before that time; now unless given' }),
});

export const ledgerCheck = z
  .object({
    object: z.literal('ledger_check'),
    from: z.string(),
    to: z.string(),
    requests: z.int(),
    recorded_micro_usd: z.int(),
    recomputed_micro_usd: z.int(),
    differing: z
      .int()
      .openapi({ description: 'Rows whose amount, or a part of it, is not what facts and prices give' }),
    examples: z.array(
      z.object({ id: z.string(), recorded_micro_usd: z.int(), recomputed_micro_usd: z.int().nullable() }),
    ),
    starts: z.int(),
    starts_differing: z.int().openapi({ description: 'Charged for more than once' }),
  })
  .openapi('LedgerCheck');

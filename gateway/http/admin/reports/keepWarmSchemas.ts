import { z } from '@hono/zod-openapi';

/** The rows of the keep-warm report, for the document; docs/keepwarm.md has the exact meaning of every figure. */
export const keepWarmRow = z
  .object({
    combo: z.string(),
    ttl_s: z.number().nullable().openapi({ description: 'null: never let go by idleness' }),
    is_best: z
      .boolean()
      .nullable()
      .openapi({ description: 'null: memory, or starts and waits, have no price' }),
    cold_starts: z.int().openapi({ description: 'Starts of any kind but warm, each once' }),
    waited_s: z.number(),
    warm_gb_hours: z.number(),
    cost_micro_usd: z.int(),
    memory_micro_usd: z.int(),
    start_micro_usd: z.int(),
    wait_micro_usd: z.int(),
    refused: z.int(),
    recorded: z.object({
      requests: z.int(),
      cold_starts: z.int(),
      waited_s: z.number(),
      start_micro_usd: z.int(),
    }),
    keep_warm: z.object({
      gb: z.number(),
      micro_usd_per_hour: z.int().nullable(),
      break_even_starts_per_hour: z.number().nullable(),
    }),
    replayed: z.object({ requests: z.int(), found: z.int(), left_out: z.int(), hours: z.number() }),
  })
  .openapi('KeepWarmRow');

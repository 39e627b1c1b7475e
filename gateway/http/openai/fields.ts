import { z } from '@hono/zod-openapi';

/** Fields that several inference endpoints share. Optional ones may be null, which means absent. */

/** How deep a JSON schema or a tool's parameters may nest: far beyond real ones, far from any stack's end. */
const MAX_DEPTH = 64;

/** A JSON object that is passed on as it is. */
export const jsonObject = z.record(z.string(), z.unknown()).refine((value) => depthWithin(value, MAX_DEPTH), {
  error: `expected at most ${MAX_DEPTH} levels of nesting`,
});

const stopText = z.string().max(1024);

const loraEntry = z
  .strictObject({
    id: z.string().min(1).max(256).openapi({ description: 'Id of an adapter for the base model' }),
    scale: z.number().min(-1000).max(1000).optional().openapi({ description: '1 unless given' }),
  })
  .openapi('LoraEntry');

/** What every inference request may carry. */
export const common = {
  model: z.string().min(1).max(4096).openapi({
    description: 'A model, an alias or a combo: `base+adapterA@0.8+adapterB`, `base:adapter`',
    example: 'tiny-chat:pirate',
  }),
  user: z.string().nullish().openapi({ description: 'Accepted without effect' }),
  service_tier: z.enum(['auto', 'default', 'flex', 'scale', 'priority']).nullish().openapi({
    description:
      '`flex` waits behind all other requests and longer, and takes the place of none; the others are served as `default`',
  }),
  lora: z
    .array(loraEntry)
    .max(64)
    .nullish()
    .openapi({ description: 'Adapters to use, in addition to those that the model name has' }),
  keep_alive: z
    .union([z.string().max(64), z.number()])
    .nullish()
    .openapi({
      description:
        'How long the combo is kept when idle: `"5m"`, `"1h30m"` or seconds; 0: let go at once, negative: never by idleness',
    }),
};

/** Sampling fields of chat and text completions. */
export const sampling = {
  stream: z.boolean().nullish(),
  stream_options: z
    .object({ include_usage: z.boolean().nullish(), include_obfuscation: z.boolean().nullish() })
    .nullish(),
  n: z.int().min(1).max(128).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(-1).nullish().openapi({ description: '0 or -1: off' }),
  min_p: z.number().min(0).max(1).nullish(),
  seed: z
    .number()
    .refine(Number.isInteger, { error: 'expected integer' })
    .nullish()
    .openapi({ type: ['integer', 'null'] }),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  repeat_penalty: z.number().min(0).max(10).nullish(),
  repetition_penalty: z.number().min(0).max(10).nullish().openapi({ description: 'As `repeat_penalty`' }),
  logit_bias: z.record(z.string().regex(/^\d{1,10}$/), z.number().min(-100).max(100)).nullish(),
  max_tokens: z.int().min(1).nullish(),
  stop: z.union([stopText, z.array(stopText).max(16)]).nullish(),
};

/** False when `value` nests deeper than `levels`; never recurses further than that. */
function depthWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (levels === 0) return false;
  for (const inner of Object.values(value)) if (!depthWithin(inner, levels - 1)) return false;
  return true;
}

import { z } from '@hono/zod-openapi';
import { queryTime } from './time.ts';

/** The ledger as the admin API shows it; docs/ledger.md has the exact meaning of every figure. */

const MOST_DELTA = 1_000_000_000_000;
const text = z.string().min(1).max(512);

export const requestsQuery = z.object({
  from: queryTime.optional().openapi({ type: 'string', description: 'Arrived at that time or later' }),
  to: queryTime.optional().openapi({ type: 'string', description: 'Arrived before that time' }),
  combo: text.optional().openapi({ description: 'Canonical name' }),
  key_id: text.optional(),
  status: z.coerce.number().int().min(100).max(599).optional().openapi({ type: 'integer' }),
  error_code: text.optional(),
  request_id: text.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100).openapi({ type: 'integer' }),
  cursor: text.optional().openapi({ description: '`next_cursor` of the page before' }),
});
export type RequestsQuery = z.infer<typeof requestsQuery>;

const phases = z
  .partialRecord(
    z.enum(['queue', 'spawn', 'stage', 'load', 'attach', 'context', 'prefill', 'decode']),
    z.number(),
  )
  .openapi({ description: 'Milliseconds; what was not needed is absent' });

const startDetail = z.object({
  tier: z.enum(['memory', 'disk', 'origin']).nullable(),
  staged: z
    .object({
      bytes: z.int(),
      wall_ms: z.number(),
      download_ms: z.number().nullable(),
      threads: z.int().nullable(),
      read_ms: z.number().nullable(),
      decrypt_ms: z.number().nullable(),
      verify_ms: z.number().nullable(),
    })
    .nullable(),
  upload: z.object({ bytes: z.int(), took_ms: z.number() }).nullable(),
});

const costParts = z
  .object({
    input: z.int(),
    cached: z.int(),
    output: z.int(),
    runner: z.int(),
    device: z.int(),
    start: z.int(),
  })
  .openapi({ description: 'Their sum is `cost_micro_usd`' });

const request = z.object({
  id: z.string(),
  object: z.literal('request'),
  endpoint: z.enum(['chat_completions', 'completions', 'embeddings']),
  key_id: z.string().nullable(),
  combo: z.string().nullable(),
  base: z.string().nullable(),
  combo_revision: z.string().nullable(),
  runner: z.string().nullable(),
  start: z.enum(['warm', 'attach', 'wake', 'staged', 'cold']).nullable(),
  joined: z.boolean(),
  start_share: z.object({ id: z.string(), of: z.int(), index: z.int() }).nullable().openapi({
    description: 'Of those who waited for the start when it was ready; null: none, or gone before',
  }),
  stream: z.boolean(),
  arrived: z.string().openapi({ description: 'ISO 8601' }),
  deadline_ms: z.number().nullable(),
  phases_ms: phases,
  start_detail: startDetail.nullable(),
  ttft_ms: z.number().nullable(),
  tpot_ms: z.number().nullable(),
  total_ms: z.number(),
  prompt_tokens: z.int(),
  cached_tokens: z.int(),
  completion_tokens: z.int(),
  response_bytes: z.int(),
  device_bytes: z.int(),
  price_version: z.int().nullable(),
  cost_micro_usd: z.int(),
  cost_parts_micro_usd: costParts,
  status: z.int(),
  error_code: z.string().nullable(),
  finish_reason: z.string().nullable(),
});
export type RequestRow = z.infer<typeof request>;
export const requestRow = request.openapi('Request');

export const requestPage = z
  .object({
    object: z.literal('list'),
    data: z.array(requestRow),
    next_cursor: z.string().nullable().openapi({ description: 'Null: there are no more' }),
  })
  .openapi('RequestPage');

const delta = z.int().min(-MOST_DELTA).max(MOST_DELTA).default(0);

const deltas = {
  prompt_tokens: delta,
  cached_tokens: delta,
  completion_tokens: delta,
  cost_micro_usd: delta,
};

export const correctionBody = z
  .strictObject({ reason: z.string().min(1).max(500), ...deltas })
  .refine(
    (body) => body.prompt_tokens || body.cached_tokens || body.completion_tokens || body.cost_micro_usd,
    {
      error: 'expected at least one figure that is not 0',
    },
  )
  .openapi('NewCorrection', {
    description: 'Figures are added to those of the request: a credit is negative',
  });
export type CorrectionBody = z.infer<typeof correctionBody>;

const correction = z.object({
  id: z.string(),
  object: z.literal('correction'),
  request_id: z.string(),
  made: z.string().openapi({ description: 'ISO 8601' }),
  reason: z.string(),
  author: z.enum(['system', 'admin']),
  prompt_tokens: z.int(),
  cached_tokens: z.int(),
  completion_tokens: z.int(),
  cost_micro_usd: z.int(),
});
export type CorrectionRow = z.infer<typeof correction>;
export const correctionRow = correction.openapi('Correction');

const admission = z.object({
  gateway_run: z.string(),
  most_completion_tokens: z.int().nullable(),
  prompt_tokens_estimate: z.int(),
  reserved_micro_usd: z.int(),
});

const account = request.extend({
  admission: admission.nullable().openapi({ description: 'Null: it was refused at the door' }),
  corrections: z.array(correctionRow).openapi({ description: 'The oldest first' }),
});
export type RequestAccountRow = z.infer<typeof account>;
export const requestAccount = account.openapi('RequestAccount');

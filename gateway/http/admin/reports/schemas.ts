import { z } from '@hono/zod-openapi';
import { PHASES, START_KINDS } from '../../../domain/phases.ts';

/** The rows of reports, for the document; docs/reports.md has the exact meaning of every figure. */

const ms = z.number().nullable();
const percentiles = z.object({ p50: ms, p90: ms, p95: ms, p99: ms });
const counted = percentiles.extend({ count: z.int() });
const durations = counted.extend({ sum: z.number() });
const startKind = z.enum(START_KINDS).nullable().optional();
const text = z.string().nullable().optional();
const times = {
  hour: z.string().optional().openapi({ example: '2026-11-28T10:00:00Z' }),
  day: z.string().optional().openapi({ example: '2026-11-28' }),
};

export const latencyRow = z
  .object({
    combo: text,
    base: text,
    key: text,
    endpoint: text,
    start_kind: startKind,
    joined: z.boolean().optional(),
    ...times,
    count: z.int().openapi({ description: 'Answered requests; the percentiles are theirs' }),
    failed: z.int(),
    aborted: z.int(),
    ttft_ms: percentiles,
    total_ms: percentiles,
    tpot_ms: percentiles,
    phases_ms: z.partialRecord(z.enum(PHASES), counted),
  })
  .openapi('LatencyRow');

const side = z.object({ count: z.int(), ttft_ms: percentiles, total_ms: percentiles }).nullable();

export const coldVsWarmRow = z
  .object({
    combo: z.string(),
    warm: side,
    attach: side,
    wake: side,
    staged: side,
    cold: side,
    cold_to_warm: z
      .number()
      .nullable()
      .openapi({ description: 'Ratio of the median times to the first token' }),
  })
  .openapi('ColdVsWarmRow');

export const startupRow = z
  .object({
    combo: text,
    base: text,
    start_kind: startKind,
    tier: z.enum(['memory', 'disk', 'origin']).nullable().optional(),
    ...times,
    count: z.int(),
    total_ms: durations,
    phases_ms: z.partialRecord(
      z.enum(['spawn', 'stage', 'load', 'attach', 'context']),
      durations.extend({ share: z.number().nullable() }),
    ),
    detail_ms: z.partialRecord(
      z.enum(['staged', 'download', 'read', 'decrypt', 'verify', 'upload']),
      durations,
    ),
    staged_bytes: z.int(),
    upload_bytes: z.int(),
  })
  .openapi('StartupRow');

export const billingRow = z
  .object({
    key: text,
    tag: text.openapi({ description: '`name=value`' }),
    model: text,
    combo: text,
    day: times.day,
    requests: z.int(),
    failed_requests: z.int(),
    input_tokens: z.int(),
    cached_tokens: z.int().openapi({ description: 'Part of the input' }),
    output_tokens: z.int(),
    total_tokens: z.int(),
    cost_micro_usd: z.int(),
    cost_parts_micro_usd: z
      .object({
        input: z.int(),
        cached: z.int(),
        output: z.int(),
        runner: z.int(),
        device: z.int(),
        start: z.int(),
        corrections: z.int(),
        unsplit: z.int().openapi({ description: 'Of requests that were rolled up before their parts were' }),
      })
      .openapi({ description: 'They add up to `cost_micro_usd`' }),
  })
  .openapi('BillingRow');

export const evictionsRow = z
  .object({
    what: z.enum(['base', 'combo', 'segment']),
    name: z.string(),
    evictions: z.int(),
    evicted_bytes: z.int(),
    reloads: z.int().nullable(),
    reload_ms: z.number().nullable(),
    reload_bytes: z.int().nullable(),
  })
  .openapi('EvictionsRow');

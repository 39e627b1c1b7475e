import { z } from '@hono/zod-openapi';
import { OBJECTIVES } from '../../../domain/slo.ts';
import { BURN_PAIRS, BURN_WINDOWS, SLO_STATES } from '../../../reports/slo.ts';

/** The rows of objectives, for the document; docs/slos.md has the exact meaning of every figure. */

const tally = z.object({ good: z.int(), bad: z.int(), ratio: z.number().nullable() });
const budget = z.object({
  allowed_bad: z.number().openapi({ description: 'Requests that may be bad among as many as there were' }),
  left_bad: z.number(),
  left_share: z.number().openapi({ description: 'Of the budget; negative when it is overspent' }),
});
const terms = {
  model: z.string().nullable(),
  combo: z.string().nullable(),
  objective: z.enum(OBJECTIVES),
  threshold_ms: z.number().nullable(),
  target: z.number(),
  counts_cold: z.boolean(),
};
const both = { with_starts: tally, without_starts: tally };
const isComplete = z.boolean().openapi({ description: 'false: older requests are still being counted' });
const limitNames = BURN_PAIRS.map(({ long, short }) => `${long}_${short}` as const);

export const sloStateRow = z
  .object({
    id: z.string(),
    ...terms,
    window_s: z.number(),
    state: z.enum(SLO_STATES),
    is_complete: isComplete,
    ...tally.shape,
    budget,
    burn_rates: z.record(z.enum(BURN_WINDOWS as [string, ...string[]]), z.number()),
    burn_limits: z.record(z.enum(limitNames as [string, ...string[]]), z.number()),
    ...both,
  })
  .openapi('SloState');

export const sloReportRow = z
  .object({
    slo: z.string(),
    ...terms,
    ...tally.shape,
    requests: z.int(),
    is_met: z.boolean().nullable(),
    budget,
    burn_rate: z.number(),
    ...both,
    starts_share: z.number().nullable().openapi({ description: 'Of all requests that it is about' }),
    is_complete: isComplete,
  })
  .openapi('SloReportRow');

import * as z from 'zod';
import { OBJECTIVES, type Slo } from '../domain/slo.ts';
import { duration } from './entrySchemas.ts';

const DAY_MS = 86_400_000;
const ID = /^[a-z0-9][a-z0-9_-]{0,63}$/;

const slo = z
  .strictObject({
    id: z
      .string()
      .regex(ID, { error: 'expected 1 to 64 of a-z, 0-9, "_" and "-", a letter or digit first' })
      .describe('Names it in metrics and reports'),
    model: z.string().min(1).optional().describe('Requests for combos of this base'),
    combo: z.string().min(1).optional().describe('Requests for this combo; neither: all requests'),
    objective: z
      .enum(OBJECTIVES)
      .describe('What is judged: the first token of warm requests or of starts, time per token, or answers'),
    threshold: duration.optional().describe('The longest time that is good; not for availability'),
    target: z
      .number()
      .gt(0, { error: 'expected a share above 0 and below 1' })
      .lt(1, { error: 'expected a share above 0 and below 1' })
      .describe('Share of requests that are good: 0.95 with a threshold is a bound of the p95'),
    window: duration
      .refine((ms) => ms >= 7 * DAY_MS && ms <= 90 * DAY_MS, {
        error: 'expected from 7 to 90 days, as "30d"',
      })
      .prefault('30d')
      .describe('The time that the error budget is for'),
    counts_cold: z
      .boolean()
      .optional()
      .describe('Whether requests that waited for a start count; true unless the objective is ttft_warm'),
  })
  .refine(({ model, combo }) => model === undefined || combo === undefined, {
    error: 'expected model or combo, not both',
    path: ['combo'],
  })
  .refine(({ objective, threshold }) => (objective === 'availability') === (threshold === undefined), {
    error: 'expected a threshold for every objective but availability',
    path: ['threshold'],
  })
  .refine(({ objective, counts_cold }) => objective !== 'ttft_cold' || counts_cold !== false, {
    error: 'expected true, since ttft_cold is about starts alone',
    path: ['counts_cold'],
  });

/** `slos` of the configuration file. */
export const slosSchema = z
  .array(slo)
  .max(50)
  .refine((slos) => new Set(slos.map(({ id }) => id)).size === slos.length, {
    error: 'expected every id once',
  })
  .default([])
  .describe('Objectives, their error budgets and burn rates: docs/slos.md');
export type WrittenSlo = z.output<typeof slosSchema>[number];

/** `canonical`: a combo's name as the ledger has it. */
export function sloOf(written: WrittenSlo, canonical: (combo: string) => string): Slo {
  const { id, model, combo, objective, threshold, target, window, counts_cold } = written;
  return {
    id,
    model: model ?? null,
    combo: combo === undefined ? null : canonical(combo),
    objective,
    thresholdMs: threshold ?? null,
    target,
    windowMs: window,
    countsCold: counts_cold ?? objective !== 'ttft_warm',
  };
}

import { z } from '@hono/zod-openapi';
import { parseDurationMs } from '../../catalogue/quantity.ts';
import { ENDPOINTS } from '../../domain/apiKey.ts';

/** The bodies of the key routes (an unknown field is an error) and their rows. */

const MOST_LIMIT = 1_000_000_000_000;
const limit = z.int().min(1).max(MOST_LIMIT).nullable().default(null);
const names = z.array(z.string().min(1).max(512)).max(1000).nullable().default(null);
const microUsd = z.int().min(0).nullable().default(null);

const scopes = z
  .strictObject({
    models: names.openapi({
      description:
        'As in a request’s `model`. A base stands for itself and its combos with the adapters that the key may use, a combo or an alias for what it names; null: all',
    }),
    adapters: names.openapi({ description: 'Ids; null: all' }),
    endpoints: z.array(z.enum(ENDPOINTS)).nullable().default(null).openapi({ description: 'Null: all' }),
  })
  .openapi('KeyScopes');

const limits = z
  .strictObject({
    requests_per_minute: limit,
    tokens_per_minute: limit.openapi({ description: 'Input and output' }),
    concurrent_requests: limit,
  })
  .openapi('KeyLimits');

const budget = z
  .strictObject({
    period: z.enum(['day', 'month']).openapi({ description: 'Of the calendar, in UTC' }),
    soft_micro_usd: microUsd.openapi({ description: 'From here on answers carry a warning' }),
    hard_micro_usd: microUsd.openapi({ description: 'Past it requests are refused until the period ends' }),
  })
  .openapi('KeyBudget');

const budgetState = z
  .object({
    used_micro_usd: z.int(),
    reserved_micro_usd: z.int().openapi({ description: 'What running requests may still cost' }),
    left_micro_usd: z.int().nullable().openapi({ description: 'Null: there is no hard limit' }),
    soft_passed: z.boolean(),
    used_up: z.boolean(),
    resets_at: z.string().openapi({ description: 'When the period ends; ISO 8601' }),
  })
  .openapi('KeyBudgetState');

const name = z.string().min(1).max(128);
const tags = z
  .record(z.string().regex(/^[a-z][a-z0-9_.-]{0,62}$/), z.string().max(128))
  .refine((given) => Object.keys(given).length <= 16, { error: 'expected at most 16 tags' })
  .openapi({ description: 'As `{"team":"search"}`' });
const weight = z
  .number()
  .min(0.01)
  .max(1000)
  .openapi({ description: 'Its share of the queue’s turns against others' });
const expiresAt = z.iso
  .datetime({ offset: true, error: 'expected a time such as "2027-01-01T00:00:00Z"' })
  .nullable()
  .openapi({ description: 'ISO 8601; null: never' });

export const keyBody = z
  .strictObject({
    name,
    scopes: scopes.optional(),
    limits: limits.optional(),
    budget: budget.nullable().optional(),
    tags: tags.optional(),
    weight: weight.optional(),
    expires_at: expiresAt.optional(),
  })
  .openapi('NewKey');

export const keyChanges = z
  .strictObject({ ...keyBody.shape, name: name.optional(), disabled: z.boolean().optional() })
  .openapi('KeyChanges');
export type KeyFields = z.output<typeof keyChanges>;

export const rotateBody = z
  .strictObject({
    grace: z
      .union([z.string().max(64), z.number()])
      .transform((value, context) => {
        const ms = parseDurationMs(value);
        if (ms !== null && ms <= 366 * 86_400_000) return ms;
        context.addIssue({ code: 'custom', message: 'expected a duration such as "1h", at most "366d"' });
        return z.NEVER;
      })
      .default(0)
      .openapi({
        type: 'string',
        description: 'How long the secret before still works, as `"1h"`, or seconds',
      }),
  })
  .openapi('RotateKey');

export const keyRow = z
  .object({
    id: z.string(),
    object: z.literal('api_key'),
    name: z.string(),
    prefix: z.string().openapi({ description: 'How the secret begins' }),
    state: z.enum(['active', 'expired', 'disabled', 'deleted']),
    scopes,
    limits,
    budget: budget.nullable(),
    budget_state: budgetState.nullable().openapi({ description: 'In the period that runs' }),
    tags,
    weight: z.number(),
    created: z.int().openapi({ description: 'Seconds since the epoch' }),
    rotated: z.int().nullable(),
    expires_at: z.string().nullable(),
    disabled: z.boolean(),
    previous_until: z
      .string()
      .nullable()
      .openapi({ description: 'Until when the secret before the last rotation works' }),
  })
  .openapi('ApiKey');
export type KeyRow = z.output<typeof keyRow>;

export const madeKeyRow = keyRow
  .extend({ key: z.string().openapi({ description: 'The secret; it is told this once' }) })
  .openapi('MadeApiKey');

export const keysQuery = z.object({
  deleted: z.enum(['true', 'false']).default('false').openapi({ description: 'Deleted ones too' }),
});

import { z } from '@hono/zod-openapi';
import { DIGEST_PATTERN } from '../../catalogue/entrySchemas.ts';
import { ALIAS_PATTERN, ID_PATTERN } from '../../domain/ids.ts';

/** The bodies that the admin API takes (an unknown field is an error) and the rows that it answers with. */

const duration = z.union([z.string().max(64), z.number()]).openapi({
  description: 'As `"5m"`, `"1h30m"` or seconds; negative or null: never',
});
const path = z.string().min(1).max(4096).openapi({
  description:
    'Of a GGUF file on the gateway’s machine (the first of a split one), of a directory with one, or a URI: `http://`, `https://`, `hf:`, `s3://`',
});
const digest = z.string().regex(DIGEST_PATTERN).openapi({
  description: '`sha256:`, `blake3:` or `tree:` and 64 hexadecimal digits: what the weights must be',
});
const id = z.string().regex(ID_PATTERN);

export const modelBody = z
  .strictObject({
    id,
    path,
    digest: digest.optional(),
    context: z.int().min(1).optional().openapi({ description: 'Tokens of one sequence' }),
    sequences: z.int().min(1).max(256).optional(),
    max_sequences: z.int().min(1).max(256).optional(),
    threads: z.int().min(1).max(1024).optional(),
    device_layers: z.int().min(-1).optional().openapi({ description: '-1: all' }),
    device: z.string().min(1).max(64).nullable().optional().openapi({ description: 'As `CUDA0`' }),
    sleep: z.boolean().nullable().optional(),
    sleep_after: duration.nullable().optional(),
    mmap: z.boolean().optional(),
    repack: z.boolean().optional(),
    kv_budget_bytes: z.int().min(1).nullable().optional(),
    idle_ttl: duration.nullable().optional(),
    min_runners: z.int().min(0).max(4096).optional(),
    max_runners: z.int().min(1).max(4096).optional(),
    chat_template: z.string().min(1).max(262_144).optional(),
    owned_by: z.string().min(1).max(128).optional(),
  })
  .openapi('NewModel');

export const adapterBody = z
  .strictObject({
    ...{ id, base: id, path },
    digest: digest.optional(),
    scale: z.number().min(-1000).max(1000).optional(),
  })
  .openapi('NewAdapter');

export const aliasBody = z
  .strictObject({ name: z.string().regex(ALIAS_PATTERN), target: z.string().min(1).max(4096) })
  .openapi('NewAlias');

const source = z.enum(['file', 'api']);
const created = z.int().openapi({ description: 'Seconds since the epoch' });
const unavailable = z.string().nullable().openapi({
  description: 'Why its source could not be asked, so that nothing is known of it; null: it is known',
});
const status = z.object({ value: z.enum(['unloaded', 'loading', 'loaded', 'sleeping']) });

export const modelRow = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    engine: z.string(),
    path: z.string(),
    context: z.int(),
    sequences: z.int(),
    max_sequences: z.int().openapi({ description: 'Most sequences of one combo on one runner' }),
    threads: z.int().nullable(),
    device_layers: z.int(),
    device: z.string().nullable().openapi({ description: 'The one that it may be on; null: any' }),
    sleep: z.boolean().nullable().openapi({ description: 'Null: when it is on a device' }),
    sleep_after: z.number().nullable().openapi({ description: 'Seconds; null: when room is needed' }),
    mmap: z.boolean(),
    repack: z.boolean(),
    kv_budget_bytes: z.int().nullable(),
    idle_ttl: z.number().nullable().openapi({ description: 'Seconds; null: never' }),
    min_runners: z.int().openapi({ description: 'Runners that the bare model is kept ready on' }),
    max_runners: z.int().openapi({ description: 'Most runners that one combo is spread over' }),
    chat_template: z.string().nullable(),
    owned_by: z.string(),
    revision: z.string(),
    weight_bytes: z.int(),
    digest: z.string().nullable(),
    unavailable,
    created,
    source,
    status,
  })
  .openapi('AdminModel');
export type ModelRow = z.infer<typeof modelRow>;

export const adapterRow = z
  .object({
    id: z.string(),
    object: z.literal('adapter'),
    base: z.string(),
    path: z.string(),
    converted_from: z
      .string()
      .optional()
      .openapi({ description: 'PEFT directory that the file at path was made from' }),
    scale: z.number(),
    revision: z.string(),
    weight_bytes: z.int(),
    digest: z.string().nullable(),
    unavailable,
    created,
    source,
  })
  .openapi('AdminAdapter');
export type AdapterRow = z.infer<typeof adapterRow>;

export const aliasRow = z
  .object({ name: z.string(), object: z.literal('alias'), target: z.string(), created, source })
  .openapi('AdminAlias');
export type AliasRow = z.infer<typeof aliasRow>;

const usedOfPossible = z.object({ used: z.number(), possible: z.number() });

export const runnerRow = z
  .object({
    id: z.string(),
    pid: z.int().nullable(),
    state: z.enum(['starting', 'standby', 'loading', 'ready', 'busy', 'asleep', 'draining', 'stopping']),
    base: z.string().nullable(),
    combos: z.array(z.string()),
    sequences: z
      .record(z.string(), z.int())
      .openapi({ description: 'Requests of each of these combos that may run at the same time' }),
    device: z.string().openapi({ description: 'The device’s name; `cpu` without one' }),
    memory: z.object({
      weight_bytes: z.int(),
      kv_bytes: z.int(),
      compute_bytes: z.int(),
      device_bytes: z
        .int()
        .openapi({ description: 'Of all that it takes, its process’s own too, what is on the device' }),
      resident_bytes: z.int().nullable(),
    }),
    upload: z
      .object({
        path: z.enum(['threaded', 'plain']),
        reason: z.string().nullable().openapi({ description: 'Why it is `plain`' }),
        bytes: z.int().openapi({ description: 'What the threads copied' }),
        plain_bytes: z.int().openapi({ description: 'What else was seen to go there' }),
        took_ms: z.number().openapi({ description: 'Of the loading thread, for `bytes`' }),
        bytes_per_second: z.int().nullable(),
        threads: z.int(),
        check: z
          .enum(['passed', 'failed'])
          .nullable()
          .openapi({ description: 'Of what was read back from the device; null: this load was not checked' }),
        differing: z.int().openapi({ description: 'Pieces that were not what the file has' }),
      })
      .nullable()
      .openapi({
        description:
          'How its last load brought weights to a device; null: it brought none, or an earlier gateway ordered it',
      }),
    counters: z.record(z.string(), z.number()),
    occupancy: z
      .object({
        sequences: usedOfPossible.openapi({
          description: 'Requests that run now, and those that may, over the combos that are ready',
        }),
        kv_cells: usedOfPossible.openapi({
          description: 'Places of tokens in the KV caches of all its contexts, now',
        }),
        mean: z
          .object({
            batch_tokens: usedOfPossible,
            sequences: usedOfPossible.openapi({
              description: 'Of the context that decodes: those that had a token in the call',
            }),
            kv_cells: usedOfPossible,
          })
          .nullable()
          .openapi({
            description:
              'Of a decode call, over all since the process began; null: there was none, or it does not tell',
          }),
      })
      .nullable()
      .openapi({ description: 'What of its room is used, embeddings left out; null: it has not said' }),
    threads: z.int(),
    active_requests: z.int(),
    started_at: z.string(),
  })
  .openapi('Runner');

export const eventRow = z
  .object({
    object: z.literal('event'),
    at: z.string().openapi({ description: 'ISO 8601' }),
    type: z.string(),
    runner: z.string().nullable(),
    combo: z.string().nullable(),
    detail: z.record(z.string(), z.unknown()),
  })
  .openapi('Event');
export type EventRow = z.infer<typeof eventRow>;

export const deletedRow = z
  .object({ id: z.string(), object: z.string(), deleted: z.literal(true) })
  .openapi('Deleted');

export const warmedRow = z
  .object({
    object: z.literal('combo'),
    combo: z.string(),
    runner: z.string(),
    start: z.enum(['warm', 'attach', 'wake', 'staged', 'cold']),
  })
  .openapi('WarmedCombo');

export const evictedRow = z
  .object({ object: z.literal('combo'), combo: z.string(), evicted: z.boolean() })
  .openapi('EvictedCombo');

export const segmentRow = z
  .object({
    object: z.literal('segment'),
    id: z.string(),
    content_id: z.string().nullable(),
    book: z.enum(['bases', 'adapters']),
    bytes: z.int(),
    state: z.enum(['staging', 'staged', 'leaving']),
    entries: z.array(z.string()).openapi({ description: 'Models and adapters whose file it is' }),
    runners: z.array(z.string()).openapi({ description: 'Runners that have it mapped' }),
    progress: z
      .object({
        step: z
          .enum(['download', 'stage'])
          .openapi({ description: 'What `bytes` are of; what lies behind a URI is downloaded first' }),
        bytes: z.int(),
        total_bytes: z.int().openapi({ description: '0: not known yet' }),
        bytes_per_second: z
          .int()
          .nullable()
          .openapi({ description: 'Over the last 5 s; null: not known yet' }),
        seconds_left: z
          .number()
          .nullable()
          .openapi({ description: 'Of this step; null: not known, or nothing comes' }),
      })
      .nullable()
      .openapi({ description: 'How far its staging is; null: it is not being staged' }),
  })
  .openapi('Segment');

export const comboRow = z
  .object({
    object: z.literal('combo'),
    combo: z.string(),
    base: z.string(),
    status: status.shape.value,
    runners: z.array(z.string()).openapi({ description: 'On which it is ready' }),
    waiting: z.int(),
    quarantine: z
      .object({
        scope: z.enum(['base', 'combo']),
        failures: z.int(),
        until: z.string().openapi({ description: 'ISO 8601' }),
        last_error: z.object({ code: z.string(), message: z.string() }),
      })
      .nullable()
      .openapi({ description: 'Why it is not started now; null: it may be' }),
  })
  .openapi('Combo');

export const liftedRow = z
  .object({ object: z.literal('quarantine'), combo: z.string(), lifted: z.boolean() })
  .openapi('LiftedQuarantine');

const ISO_8601 = 'expected a time such as "2026-12-01T00:00:00Z"';
/** More than any machine has, and its bytes are still a number that JSON can tell. */
const MOST_COUNT = 1e200;

/** JSON's `1e999` is read as Infinity. */
function finiteCount(count: unknown): unknown {
  return typeof count === 'number' && count > MOST_COUNT ? MOST_COUNT : count;
}

export const pinBody = z
  .strictObject({
    level: z.enum(['ready', 'staged']),
    // However absurd: what cannot be kept is a 409 with the arithmetic.
    count: z
      .preprocess(
        finiteCount,
        z.number().min(1).refine(Number.isInteger, { error: 'expected a whole number' }),
      )
      .default(1)
      .openapi({ type: 'integer', description: 'Runners that have it ready' }),
    until: z.iso
      .datetime({ offset: true, error: ISO_8601 })
      .nullable()
      .optional()
      .openapi({ description: 'ISO 8601; without it, or null: without end' }),
  })
  .openapi('NewPin');
export type PinBody = z.infer<typeof pinBody>;

export const pinRow = z
  .object({
    object: z.literal('pin'),
    combo: z.string(),
    level: z.enum(['ready', 'staged']),
    count: z.int(),
    until: z.string().nullable(),
    created: created.nullable().openapi({ description: 'Null: it comes from the configuration file' }),
    source,
    state: z.enum(['ready', 'staged', 'restoring', 'unknown']),
    ready: z.int().openapi({ description: 'Runners that have it ready' }),
    starting: z.int(),
    bytes: z.int().openapi({ description: 'Of the memory budget, beside the pins before it' }),
    last_error: z.string().nullable(),
    retry_in_ms: z.int().nullable(),
  })
  .openapi('Pin');
export type PinRow = z.infer<typeof pinRow>;

export const drainedRow = z
  .object({ object: z.literal('runner'), id: z.string(), state: z.enum(['draining', 'stopping']) })
  .openapi('DrainedRunner');

export const restedRow = z
  .object({ object: z.literal('runner'), id: z.string(), state: z.enum(['asleep', 'loading', 'ready']) })
  .openapi('RestedRunner');

export const eventsQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100).openapi({ type: 'integer' }),
});

import * as z from 'zod';
import { ALIAS_PATTERN, ID_PATTERN } from '../domain/ids.ts';
import { DURATION_PATTERN, parseDurationMs, parseSizeBytes, SIZE_PATTERN } from './quantity.ts';
import type { AdapterSpec, ModelOptions, ModelSpec, ScalingSpec } from './specs.ts';

const DURATION_EXPECTED = 'expected a duration such as "30s", "5m" or "500ms", or a number of seconds';
const SIZE_EXPECTED = 'expected a size such as "8MiB" or "1GB", or a whole number of bytes';

/** Milliseconds. */
export const duration = z
  .union(
    [
      z.string().regex(DURATION_PATTERN, { error: DURATION_EXPECTED }),
      z.number().nonnegative({ error: DURATION_EXPECTED }),
    ],
    {
      error: DURATION_EXPECTED,
    },
  )
  .transform((value, context) => {
    const durationMs = parseDurationMs(value);
    if (durationMs !== null) return durationMs;
    context.issues.push({ code: 'custom', message: DURATION_EXPECTED, input: value });
    return z.NEVER;
  });

/** Bytes. */
export const size = z
  .union(
    [z.string().regex(SIZE_PATTERN, { error: SIZE_EXPECTED }), z.int().nonnegative({ error: SIZE_EXPECTED })],
    {
      error: SIZE_EXPECTED,
    },
  )
  .transform((value, context) => {
    const bytes = parseSizeBytes(value);
    if (bytes !== null) return bytes;
    context.issues.push({ code: 'custom', message: SIZE_EXPECTED, input: value });
    return z.NEVER;
  });

export const whole = (minimum: number, maximum: number) => {
  const error = `expected a whole number from ${minimum} to ${maximum}`;
  return z.int({ error }).min(minimum, { error }).max(maximum, { error });
};

export const id = z.string().regex(ID_PATTERN, {
  error: 'expected an id of letters, digits and ._-/ that starts with a letter or digit (at most 128)',
});

export const aliasName = z.string().regex(ALIAS_PATTERN, {
  error: 'expected a name of letters, digits and ._-/:@ that starts with a letter or digit (at most 128)',
});

export const DIGEST_PATTERN = /^(?:sha256|blake3|tree):[0-9a-f]{64}$/;

const digest = z.string().regex(DIGEST_PATTERN, {
  error: 'expected "sha256:", "blake3:" or "tree:" and 64 hexadecimal digits in lower case',
});
const digestField = {
  digest: digest.optional().describe('What the weights must be; checked when they are staged'),
};

const filePath = z.string().min(1, { error: 'expected a path' });

const optionFields = {
  engine: z.literal('llama').optional().describe('The embedded llama.cpp'),
  context: whole(16, 16_777_216).optional().describe('Context of one sequence, in tokens'),
  sequences: whole(1, 256)
    .optional()
    .describe('Requests of one combo that decode at the same time on a runner, unless it is hot'),
  max_sequences: whole(1, 256)
    .optional()
    .describe('Most of them on one runner when the combo is hot; sequences unless given'),
  threads: whole(1, 1024).optional().describe('Most CPU threads that one runner may use'),
  device_layers: whole(-1, 10_000).optional().describe('Layers on the device; -1 for all'),
  device: z
    .string()
    .min(1)
    .max(64)
    .nullable()
    .optional()
    .describe('The one device that it may be on, as CUDA0; null for any'),
  sleep: z
    .boolean()
    .nullable()
    .optional()
    .describe('Sleeps when room is needed, instead of ending; null: when it is on a device'),
  sleep_after: duration
    .nullable()
    .optional()
    .describe('How long an idle model is awake before it sleeps; null: until room is needed'),
  mmap: z.boolean().optional().describe('Map the file instead of reading it'),
  repack: z
    .boolean()
    .optional()
    .describe(
      'Repack weights for CPU speed, into memory of each runner; false unless said: runners share one copy',
    ),
  kv_budget: size.nullable().optional().describe('Bound of the KV memory of one runner; null for none'),
  idle_ttl: duration.nullable().optional().describe('How long an idle combo is kept; null for ever'),
  min_runners: whole(0, 4096).optional().describe('Runners that the bare model is kept ready on'),
  max_runners: whole(1, 4096).optional().describe('Most runners that one hot combo is spread over'),
  chat_template: z.string().min(1).optional().describe("Jinja text that replaces the model's own template"),
  chat_template_file: filePath.optional().describe('File with that text'),
  owned_by: z.string().min(1).max(128).optional().describe("As /v1/models shows it in 'owned_by'"),
};

interface WrittenOptions {
  readonly [key: string]: unknown;
}

const optionsFrom = (written: z.output<z.ZodObject<typeof optionFields>> & WrittenOptions): ModelOptions => ({
  engine: written.engine,
  contextTokens: written.context,
  sequences: written.sequences,
  maxSequences: written.max_sequences,
  maxThreads: written.threads,
  deviceLayers: written.device_layers,
  device: written.device,
  sleeps: written.sleep,
  sleepAfterMs: written.sleep_after,
  useMmap: written.mmap,
  repack: written.repack,
  kvBudgetBytes: written.kv_budget,
  idleTtlMs: written.idle_ttl,
  minRunners: written.min_runners,
  maxRunners: written.max_runners,
  chatTemplate: written.chat_template,
  chatTemplateFile: written.chat_template_file,
  ownedBy: written.owned_by,
});

const ONE_TEMPLATE = {
  path: ['chat_template_file'],
  error: 'expected chat_template or chat_template_file, not both',
};
const hasOneTemplate = (written: { chat_template?: unknown; chat_template_file?: unknown }) =>
  written.chat_template === undefined || written.chat_template_file === undefined;

/** Of one combo, in the section `combos`. */
export const scalingSchema = z
  .strictObject({
    min_runners: whole(0, 4096).optional().describe('Runners that the combo is kept ready on'),
    max_runners: whole(1, 4096).optional().describe('Most runners that it is spread over when it is hot'),
  })
  .transform(
    (written): ScalingSpec => ({ minRunners: written.min_runners, maxRunners: written.max_runners }),
  );

/** What models take when they do not say otherwise. */
export const defaultsSchema = z
  .strictObject(optionFields)
  .refine(hasOneTemplate, ONE_TEMPLATE)
  .transform(optionsFrom);

/** A model, in the file and in the body of `POST /admin/v1/models`. */
export const modelSchema = z
  .strictObject({
    id,
    path: filePath.describe(
      'GGUF file, the first of a split one, a directory with one, or a URI: http://, https://, hf:, s3://',
    ),
    ...digestField,
    ...optionFields,
  })
  .refine(hasOneTemplate, ONE_TEMPLATE)
  .transform(
    (written): ModelSpec => ({
      id: written.id,
      path: written.path,
      digest: written.digest,
      ...optionsFrom(written),
    }),
  );

/** An adapter, in the file and in the body of `POST /admin/v1/adapters`. */
export const adapterSchema = z
  .strictObject({
    id,
    base: z.string().describe('Id of its base model'),
    path: filePath.describe('GGUF LoRA file, PEFT directory, or a URI as of models'),
    ...digestField,
    scale: z.number().min(-1000).max(1000).optional().describe('Strength that @1 stands for; 1'),
  })
  .transform((written): AdapterSpec => written);

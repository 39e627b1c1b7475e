import * as z from 'zod';

const SAMPLERS = ['always_on', 'always_off', 'traceidratio'] as const;
const URL_EXPECTED = 'expected a URL such as "http://127.0.0.1:4318"';
const SAMPLER_EXPECTED = `expected ${SAMPLERS.join(', ')}, or one of these after "parentbased_"`;
const RATIO_EXPECTED = 'expected a number from 0 to 1';

/** As the specification has them. */
const DELAY_MS = 5000;
const QUEUE_SPANS = 2048;
/** The specification has 512; a batch is put together in one go, and requests wait so long (docs/benchmarks.md, "Traces"). */
const BATCH_SPANS = 128;

const spanNumber = z
  .string()
  .regex(/^[1-9]\d{0,6}$/, { error: 'expected a number of spans from 1 to 9999999' })
  .transform(Number)
  .optional();
const url = z.url({ protocol: /^https?$/, error: URL_EXPECTED }).optional();

/**
 * OpenTelemetry's own variables that decide whether and which traces are exported ("OpenTelemetry Environment Variable
 * Specification", "OpenTelemetry Protocol Exporter"). What only concerns the exporter (headers, timeout, compression,
 * certificates) and OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES it reads itself.
 */
export const OTEL_ENVIRONMENT = {
  OTEL_SDK_DISABLED: z.string().optional(),
  OTEL_TRACES_EXPORTER: z.enum(['otlp', 'none'], { error: 'expected "otlp" or "none"' }).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_PROTOCOL: z.literal('http/protobuf', { error: 'expected "http/protobuf"' }).optional(),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: z
    .literal('http/protobuf', { error: 'expected "http/protobuf"' })
    .optional(),
  OTEL_TRACES_SAMPLER: z
    .string()
    .regex(/^(?:parentbased_)?(?:always_on|always_off|traceidratio)$/, { error: SAMPLER_EXPECTED })
    .optional(),
  OTEL_BSP_SCHEDULE_DELAY: z
    .string()
    .regex(/^\d{1,7}$/, { error: 'expected whole milliseconds' })
    .transform(Number)
    .optional(),
  OTEL_BSP_MAX_QUEUE_SIZE: spanNumber,
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: spanNumber,
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(?:0(?:\.\d+)?|1(?:\.0+)?|\.\d+)$/, { error: RATIO_EXPECTED })
    .transform(Number)
    .optional(),
};

type OtelEnvironment = z.output<z.ZodObject<typeof OTEL_ENVIRONMENT>>;

/** Where traces go, and which are taken. */
export interface TraceSettings {
  /** OTLP over HTTP, path included. */
  readonly url: string;
  /** Between two batches. */
  readonly delayMs: number;
  /** Spans that wait for the collector; more are dropped. */
  readonly queueSpans: number;
  readonly batchSpans: number;
  readonly sampler: {
    readonly root: (typeof SAMPLERS)[number];
    /** A client's own decision wins. */
    readonly isParentBased: boolean;
    /** 0 to 1, of `traceidratio`. */
    readonly ratio: number;
  };
}

/** `configured`: the file's endpoint. null: no endpoint is set, or exporting is switched off. */
export function traceSettings(environment: OtelEnvironment, configured: string | null): TraceSettings | null {
  const isOff =
    environment.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || environment.OTEL_TRACES_EXPORTER === 'none';
  const base = environment.OTEL_EXPORTER_OTLP_ENDPOINT ?? configured;
  // The one of a signal is taken as it is, the general one gets the signal's path.
  const target =
    environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base && `${base.replace(/\/+$/, '')}/v1/traces`);
  if (isOff || target === null) return null;
  const name = environment.OTEL_TRACES_SAMPLER ?? 'parentbased_always_on';
  const root = SAMPLERS.find((sampler) => name.endsWith(sampler)) ?? 'always_on';
  const isParentBased = name.startsWith('parentbased_');
  const queueSpans = environment.OTEL_BSP_MAX_QUEUE_SIZE ?? QUEUE_SPANS;
  return {
    url: target,
    delayMs: environment.OTEL_BSP_SCHEDULE_DELAY ?? DELAY_MS,
    queueSpans,
    batchSpans: Math.min(queueSpans, environment.OTEL_BSP_MAX_EXPORT_BATCH_SIZE ?? BATCH_SPANS),
    sampler: { root, isParentBased, ratio: environment.OTEL_TRACES_SAMPLER_ARG ?? 1 },
  };
}

import * as z from 'zod';
import { isCidr } from './cidr.ts';
import {
  adapterSchema,
  aliasName,
  defaultsSchema,
  duration,
  modelSchema,
  scalingSchema,
  size,
  whole,
} from './entrySchemas.ts';
import { encryptionKeysSchema, weightsSchema } from './keySourceSchema.ts';
import { priceBookSchema } from './priceSchema.ts';
import { sourcesSchema } from './sourceSchema.ts';

/** A duration that time is divided by, or that something must live through. */
const period = duration.refine((ms) => ms >= 10, { error: 'expected at least "10ms"' });

const WEIGHT_EXPECTED = 'expected a number of 0 or more';
const SHARE_EXPECTED = 'expected a share above 0, at most 1';

const tokenWeight = z.number({ error: WEIGHT_EXPECTED }).min(0, { error: WEIGHT_EXPECTED });

const fairWeights = z
  .strictObject({
    input_token: tokenWeight.default(1),
    output_token: tokenWeight.default(2).describe('What an output token counts against an input token'),
    start_second: tokenWeight.default(100).describe('What a second of a start counts, for who began it'),
  })
  .transform((written) => ({
    inputToken: written.input_token,
    outputToken: written.output_token,
    startSecond: written.start_second,
  }));

const forecast = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe('Warms ahead, into free memory, what the ledger shows to be usual at that time of the week'),
    horizon: duration.prefault('15m').describe('How far ahead'),
    min_chance: z
      .number({ error: 'expected a number from 0 to 1' })
      .min(0, { error: 'expected a number from 0 to 1' })
      .max(1, { error: 'expected a number from 0 to 1' })
      .default(0.5)
      .describe('What is less likely to be asked for is not warmed'),
    budget: size.prefault('16GiB').describe('Memory for what was warmed ahead and not used since'),
  })
  .transform((written) => ({
    enabled: written.enabled,
    horizonMs: written.horizon,
    minChance: written.min_chance,
    budgetBytes: written.budget,
  }));

const pool = z
  .strictObject({
    max_runners: whole(1, 4096).default(4).describe('Runner processes with a base at the same time'),
    standbys: whole(0, 64)
      .default(1)
      .describe('Runner processes kept ready without a base, beside max_runners; 0: none'),
    max_combos_per_runner: whole(1, 4096).default(16),
    memory: size
      .nullable()
      .default(null)
      .describe(
        'Memory of all runners: weights, KV caches, compute buffers; null: 80% of the machine’s or cgroup’s',
      ),
    devices: z
      .record(z.string().min(1).max(64), z.strictObject({ memory: size }))
      .default({})
      .describe('Memory for runners on a device, by its name (CUDA0); 90% of what others have'),
    max_asleep: whole(0, 4096)
      .default(4)
      .describe('Runner processes that sleep at the same time, beside max_runners; 0: none sleeps'),
    queue_limit: whole(1, 1_000_000).default(1024).describe('Requests that may wait in all'),
    queue_limit_per_combo: whole(1, 1_000_000).default(256),
    queue_share: z
      .number({ error: SHARE_EXPECTED })
      .gt(0, { error: SHARE_EXPECTED })
      .max(1, { error: SHARE_EXPECTED })
      .default(0.5)
      .describe('Share of either limit that one API key may take while others ask too'),
    fair_weights: fairWeights
      .prefault({})
      .describe('What counts how much when keys take turns: who has had the least goes next'),
    deadline: duration
      .nullable()
      .default(null)
      .describe(
        'Longest from arrival to a runner, for requests without x-hearth-deadline-ms; null: no deadline',
      ),
    flex_deadline: duration.nullable().default(null).describe('The same for service_tier "flex"'),
    flex_wait: duration
      .prefault('30m')
      .describe('Longest that a flex request waits for room or a sequence, in place of start_timeout'),
    flex_spares: duration
      .prefault('60s')
      .describe('Flex requests take the place of nothing that others have used within this time'),
    flex_watermark: duration
      .prefault('1s')
      .describe('While another request waits longer than this for a base, no flex request of it is begun'),
    abandoned_starts: z
      .enum(['keep', 'drop'])
      .default('keep')
      .describe('What becomes of a start when nobody waits for it any more'),
    start_timeout: duration.prefault('5m').describe('Longest start of a runner or combo'),
    spawn_timeout: period
      .prefault('30s')
      .describe('Of that the longest from the spawn of a process until it takes orders'),
    cpu_threads: whole(1, 4096)
      .nullable()
      .default(null)
      .describe('Threads that decoding runners share; null: cores - 1, at least 1'),
    lease: duration.prefault('30s').describe('How long a runner outlives its gateway'),
    swap_after: duration
      .prefault('1s')
      .describe('A request that waited so long for room makes a busy runner of another base drain'),
    eviction: z
      .enum(['gdsf', 'lru', 'size'])
      .default('gdsf')
      .describe(
        'Who goes first when room is short: by cost, size and frequency, the longest unused, the largest',
      ),
    min_residency: duration
      .prefault('0s')
      .describe('For so long after it got ready nothing gives way to others'),
    preload: z
      .array(z.string().min(1))
      .default([])
      .describe(
        'Combos that are made ready at start, one after the other; then as if somebody had used them',
      ),
    target_occupancy: z
      .number()
      .min(0.01)
      .max(1)
      .default(0.7)
      .describe(
        'Share of its sequences that one runner of a combo serves before the next one is used or started',
      ),
    scale_up_delay: duration
      .prefault('500ms')
      .describe(
        'Wait for a sequence that gives a hot combo more of them, up to max_sequences, then one runner more, up to max_runners',
      ),
    scale_down_after: duration
      .prefault('60s')
      .describe(
        'A runner more than a combo needs lets it go, and sequences more than it begins with go, when nobody used it there for so long',
      ),
    stable_window: duration.prefault('60s').describe('Over which the load of a combo is averaged'),
    panic_window: duration.prefault('6s').describe('The same for a sudden load'),
    drain_timeout: duration.prefault('30s').describe('How long SIGTERM waits for requests'),
    probe_every: period.prefault('2s').describe('How often every runner is asked whether it is alive'),
    probe_timeout: period
      .prefault('10s')
      .describe('A runner that has not answered for so long hangs, and is replaced'),
    stall_timeout: period
      .prefault('60s')
      .describe('A runner that has requests and whose engine did no step for so long hangs, too'),
    quarantine_base: duration
      .prefault('1s')
      .describe('Least wait before a start that failed twice in a row; doubled with each further failure'),
    quarantine_cap: period
      .prefault('5m')
      .describe('Longest such wait, and the one after a failure that no retry helps'),
    forecast: forecast.prefault({}),
  })
  .transform((written) => ({
    maxRunners: written.max_runners,
    standbys: written.standbys,
    maxCombosPerRunner: written.max_combos_per_runner,
    memoryBytes: written.memory,
    deviceBytes: Object.fromEntries(
      Object.entries(written.devices).map(([name, { memory }]) => [name, memory]),
    ),
    maxAsleep: written.max_asleep,
    queueLimit: written.queue_limit,
    queueLimitPerCombo: written.queue_limit_per_combo,
    queueShare: written.queue_share,
    fairWeights: written.fair_weights,
    deadlineMs: written.deadline,
    flexDeadlineMs: written.flex_deadline,
    flexWaitMs: written.flex_wait,
    flexSparesMs: written.flex_spares,
    flexWatermarkMs: written.flex_watermark,
    abandonedStarts: written.abandoned_starts,
    startTimeoutMs: written.start_timeout,
    spawnTimeoutMs: written.spawn_timeout,
    cpuThreads: written.cpu_threads,
    leaseMs: written.lease,
    swapAfterMs: written.swap_after,
    eviction: written.eviction,
    minResidencyMs: written.min_residency,
    preload: written.preload,
    targetOccupancy: written.target_occupancy,
    scaleUpDelayMs: written.scale_up_delay,
    scaleDownAfterMs: written.scale_down_after,
    stableWindowMs: Math.max(1, written.stable_window),
    panicWindowMs: Math.max(1, written.panic_window),
    drainTimeoutMs: written.drain_timeout,
    probeEveryMs: written.probe_every,
    probeTimeoutMs: written.probe_timeout,
    stallTimeoutMs: written.stall_timeout,
    quarantineBaseMs: written.quarantine_base,
    quarantineCapMs: written.quarantine_cap,
    forecast: written.forecast,
  }));

const limits = z
  .strictObject({
    body_bytes: size.prefault('8MiB').describe('Largest request body'),
    header_timeout: duration.prefault('15s'),
    body_timeout: duration.prefault('60s'),
    idle_timeout: duration.prefault('75s').describe('Idle time of a kept-alive connection'),
    stream_buffer_bytes: size.prefault('1MiB').describe('What a slow reader may leave unread'),
  })
  .transform((written) => ({
    bodyBytes: written.body_bytes,
    headerTimeoutMs: written.header_timeout,
    bodyTimeoutMs: written.body_timeout,
    idleTimeoutMs: written.idle_timeout,
    streamBufferBytes: written.stream_buffer_bytes,
  }));

const ledger = z
  .strictObject({
    idempotency_ttl: duration.prefault('24h').describe('How long an Idempotency-Key is bound to its answer'),
    idempotency_bytes: size
      .prefault('64MiB')
      .describe('Memory for answers that a retry with the same Idempotency-Key gets again'),
  })
  .transform((written) => ({
    idempotencyTtlMs: written.idempotency_ttl,
    idempotencyBytes: written.idempotency_bytes,
  }));

const engine = z.strictObject({
  upload: z
    .enum(['auto', 'off'])
    .default('auto')
    .describe(
      'How weights get to a GPU: by several threads once that has been checked there, or by llama.cpp alone',
    ),
});

const telemetry = z.strictObject({
  otlp_endpoint: z
    .url({ protocol: /^https?$/, error: 'expected a URL such as "http://127.0.0.1:4318"' })
    .nullable()
    .default(null)
    .describe(
      'Collector that traces are sent to by OTLP over HTTP, without /v1/traces; OTEL_EXPORTER_OTLP_ENDPOINT wins over it; null: none',
    ),
});

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** An origin as browsers send it: no path, no slash at its end. */
const ORIGIN = /^(?:\*|https?:\/\/[^/\s*?#]+)$/;
const ORIGIN_EXPECTED = 'expected an origin such as "https://chat.example.com", or "*"';
const CIDR_EXPECTED = 'expected a CIDR such as "10.0.0.0/8", or an address';

const server = z.strictObject({
  host: z.string().min(1).optional().describe('HEARTH_HOST wins over it'),
  port: whole(0, 65_535).optional().describe('HEARTH_PORT wins over it'),
  tls: z
    .strictObject({ cert: z.string().min(1), key: z.string().min(1) })
    .nullable()
    .default(null)
    .describe('PEM files, relative to this one; they are read again when they change'),
  cors: z
    .array(z.string().regex(ORIGIN, { error: ORIGIN_EXPECTED }))
    .default([])
    .describe('Origins whose pages may call /v1; "*": any'),
  trusted_proxies: z
    .array(z.string().refine(isCidr, { error: CIDR_EXPECTED }))
    .default([])
    .describe('Whose X-Forwarded-For is believed'),
  allow_anonymous: z
    .boolean()
    .default(false)
    .describe(
      'While no API key exists, serve everybody also on an address that is not loopback; HEARTH_ALLOW_ANONYMOUS wins over it',
    ),
});

/** The YAML file (HEARTH_CONFIG). Unknown keys are errors. */
export const configSchema = z.strictObject({
  models: z.array(modelSchema).default([]),
  adapters: z.array(adapterSchema).default([]),
  aliases: z.record(aliasName, z.string().min(1)).default({}).describe('Other names for combos'),
  combos: z
    .record(z.string().min(1), scalingSchema)
    .default({})
    .describe('Combos that are kept on more or fewer runners than their model says'),
  defaults: defaultsSchema.prefault({}),
  pool: pool.prefault({}),
  engine: engine.prefault({}),
  limits: limits.prefault({}),
  ledger: ledger.prefault({}),
  log: z.strictObject({ level: z.enum(LOG_LEVELS).default('info') }).prefault({}),
  telemetry: telemetry.prefault({}),
  server: server.prefault({}),
  prices: priceBookSchema
    .nullable()
    .default(null)
    .describe('What requests cost; null: as set by the admin API, free before that'),
  encryption_keys: encryptionKeysSchema,
  weights: weightsSchema.prefault({}),
  sources: sourcesSchema.describe('What weights behind URIs are asked for with'),
});

/** A checked configuration file: durations in milliseconds, sizes in bytes, paths as written. */
export type FileConfig = z.output<typeof configSchema>;
export type PoolConfig = FileConfig['pool'];
export type EngineConfig = FileConfig['engine'];
export type LimitsConfig = FileConfig['limits'];
export type LedgerConfig = FileConfig['ledger'];

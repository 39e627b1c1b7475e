import { type SQL, sql } from 'drizzle-orm';
import {
  type AnySQLiteColumn,
  index,
  integer,
  primaryKey,
  real,
  sqliteTable,
  text,
} from 'drizzle-orm/sqlite-core';

/** Base models that the admin API added. What the configuration file holds is not stored. */
export const models = sqliteTable('models', {
  id: text('id').primaryKey(),
  engine: text('engine', { enum: ['llama'] }).notNull(),
  path: text('path').notNull(),
  contextTokens: integer('context_tokens').notNull(),
  sequences: integer('sequences').notNull(),
  /** null: `sequences`. */
  maxSequences: integer('max_sequences'),
  maxThreads: integer('max_threads'),
  deviceLayers: integer('device_layers').notNull(),
  device: text('device'),
  sleeps: integer('sleeps', { mode: 'boolean' }),
  sleepAfterMs: integer('sleep_after_ms'),
  useMmap: integer('use_mmap', { mode: 'boolean' }).notNull(),
  repack: integer('repack', { mode: 'boolean' }).notNull(),
  kvBudgetBytes: integer('kv_budget_bytes'),
  idleTtlMs: integer('idle_ttl_ms'),
  minRunners: integer('min_runners').notNull().default(0),
  maxRunners: integer('max_runners').notNull().default(1),
  chatTemplate: text('chat_template'),
  ownedBy: text('owned_by').notNull(),
  revision: text('revision').notNull(),
  weightBytes: integer('weight_bytes').notNull(),
  digest: text('digest'),
  createdAtEpochMs: integer('created_at_epoch_ms').notNull(),
});

/** Adapters that the admin API added. The base may live in the configuration file, hence no foreign key. */
export const adapters = sqliteTable(
  'adapters',
  {
    id: text('id').primaryKey(),
    baseId: text('base_id').notNull(),
    path: text('path').notNull(),
    scale: real('scale').notNull(),
    revision: text('revision').notNull(),
    weightBytes: integer('weight_bytes').notNull(),
    digest: text('digest'),
    createdAtEpochMs: integer('created_at_epoch_ms').notNull(),
  },
  (table) => [index('adapters_by_base').on(table.baseId)],
);

/** Aliases that the admin API added. */
export const aliases = sqliteTable('aliases', {
  name: text('name').primaryKey(),
  target: text('target').notNull(),
  createdAtEpochMs: integer('created_at_epoch_ms').notNull(),
});

/** What was last known of weights behind URIs, so that a start does not need their sources. */
export const sourceFacts = sqliteTable('source_facts', {
  path: text('path').primaryKey(),
  /** A ModelFileFacts. */
  factsJson: text('facts_json').notNull(),
});

/** Every combo that was asked for, once per state of its revisions. */
export const combos = sqliteTable(
  'combos',
  {
    comboKey: text('combo_key').primaryKey(),
    comboName: text('combo_name').notNull(),
    baseId: text('base_id').notNull(),
    /** Digest of the base's content; null: not known. */
    baseDigest: text('base_digest'),
    /** `[{"id","scale","revision","digest"}]`. */
    adaptersJson: text('adapters_json').notNull(),
    firstSeenAtEpochMs: integer('first_seen_at_epoch_ms').notNull(),
  },
  (table) => [index('combos_by_name').on(table.comboName)],
);

/** Every runner process. Rows without an exit are looked for after a crash. */
export const runners = sqliteTable(
  'runners',
  {
    runnerId: text('runner_id').primaryKey(),
    pid: integer('pid').notNull(),
    pidStartTicks: text('pid_start_ticks').notNull(),
    bootId: text('boot_id').notNull(),
    baseId: text('base_id'),
    socketPath: text('socket_path').notNull(),
    spawnedAtEpochMs: integer('spawned_at_epoch_ms').notNull(),
    exitedAtEpochMs: integer('exited_at_epoch_ms'),
    exitReason: text('exit_reason'),
  },
  (table) => [
    index('runners_living').on(table.spawnedAtEpochMs).where(sql`${table.exitedAtEpochMs} is null`),
  ],
);

/** The ledger: append-only, one row per request. A phase that was not needed is null. */
export const requests = sqliteTable(
  'requests',
  {
    requestId: text('request_id').primaryKey(),
    endpoint: text('endpoint', { enum: ['chat_completions', 'completions', 'embeddings'] }).notNull(),
    keyId: text('key_id'),
    combo: text('combo'),
    baseId: text('base_id'),
    comboRevision: text('combo_revision'),
    runnerId: text('runner_id'),
    startKind: text('start_kind', { enum: ['warm', 'attach', 'wake', 'staged', 'cold'] }),
    joined: integer('joined', { mode: 'boolean' }).notNull(),
    // Who shares a start: the request that names it, how many they are, which of them this is (gateway/domain/cost.ts).
    startId: text('start_id'),
    startOf: integer('start_of'),
    startIndex: integer('start_index'),
    stream: integer('stream', { mode: 'boolean' }).notNull(),
    arrivedAtEpochMs: integer('arrived_at_epoch_ms').notNull(),
    deadlineMs: real('deadline_ms'),
    queueMs: real('queue_ms'),
    spawnMs: real('spawn_ms'),
    stageMs: real('stage_ms'),
    loadMs: real('load_ms'),
    attachMs: real('attach_ms'),
    contextMs: real('context_ms'),
    prefillMs: real('prefill_ms'),
    decodeMs: real('decode_ms'),
    // What happened inside and beside the phases (gateway/domain/startDetail.ts); null where it is not needed or not known.
    startTier: text('start_tier', { enum: ['memory', 'disk', 'origin'] }),
    stagedBytes: integer('staged_bytes'),
    /** Wall time of the staging, which may have begun before the request came. */
    stagedMs: real('staged_ms'),
    downloadMs: real('download_ms'),
    stageThreads: integer('stage_threads'),
    /** Elapsed times of the staging threads, added up: no part of `stage_ms`. */
    readMs: real('read_ms'),
    decryptMs: real('decrypt_ms'),
    verifyMs: real('verify_ms'),
    uploadBytes: integer('upload_bytes'),
    uploadMs: real('upload_ms'),
    ttftMs: real('ttft_ms'),
    tpotMs: real('tpot_ms'),
    totalMs: real('total_ms').notNull(),
    promptTokens: integer('prompt_tokens').notNull(),
    cachedTokens: integer('cached_tokens').notNull(),
    completionTokens: integer('completion_tokens').notNull(),
    responseBytes: integer('response_bytes').notNull(),
    deviceBytes: integer('device_bytes').notNull().default(0),
    priceVersion: integer('price_version'),
    /** The sum of the parts below. */
    costMicroUsd: integer('cost_micro_usd').notNull().default(0),
    inputMicroUsd: integer('input_micro_usd').notNull().default(0),
    cachedMicroUsd: integer('cached_micro_usd').notNull().default(0),
    outputMicroUsd: integer('output_micro_usd').notNull().default(0),
    runnerMicroUsd: integer('runner_micro_usd').notNull().default(0),
    deviceMicroUsd: integer('device_micro_usd').notNull().default(0),
    startMicroUsd: integer('start_micro_usd').notNull().default(0),
    httpStatus: integer('http_status').notNull(),
    errorCode: text('error_code'),
    finishReason: text('finish_reason'),
  },
  (table) => [
    index('requests_by_arrival').on(table.arrivedAtEpochMs),
    index('requests_by_combo').on(table.combo, table.arrivedAtEpochMs),
    // All that a gateway wants to know of starts when it starts itself; few rows, which are nowhere near each other.
    index('requests_own_starts')
      .on(
        table.arrivedAtEpochMs,
        table.combo,
        table.comboRevision,
        table.startKind,
        table.joined,
        table.errorCode,
        table.spawnMs,
        table.stageMs,
        table.loadMs,
        table.attachMs,
        table.contextMs,
      )
      .where(isOwnStart(table)),
  ],
);

/** It began a start, which ended well, as the request did. The index above serves where exactly this is asked. */
export function isOwnStart({
  startKind,
  joined,
  errorCode,
  combo,
}: Readonly<Record<'startKind' | 'joined' | 'errorCode' | 'combo', AnySQLiteColumn>>): SQL {
  return sql`${startKind} <> 'warm' and ${joined} = 0 and ${errorCode} is null and ${combo} is not null`;
}

/**
 * Requests that have passed the door: written before they wait, settled by their row in `requests`. The key is a number
 * so that a gateway that starts looks at no more than came since the one before it.
 */
export const admissions = sqliteTable('admissions', {
  admissionId: integer('admission_id').primaryKey({ autoIncrement: true }),
  requestId: text('request_id').notNull().unique(),
  endpoint: text('endpoint', { enum: ['chat_completions', 'completions', 'embeddings'] }).notNull(),
  keyId: text('key_id'),
  combo: text('combo').notNull(),
  baseId: text('base_id').notNull(),
  comboRevision: text('combo_revision').notNull(),
  stream: integer('stream', { mode: 'boolean' }).notNull(),
  arrivedAtEpochMs: integer('arrived_at_epoch_ms').notNull(),
  gatewayRun: text('gateway_run').notNull(),
  mostCompletionTokens: integer('most_completion_tokens'),
  promptTokensEstimate: integer('prompt_tokens_estimate').notNull(),
  reservedMicroUsd: integer('reserved_micro_usd').notNull(),
});

/** One row per gateway process, written when all that earlier ones admitted is settled. */
export const gatewayRuns = sqliteTable('gateway_runs', {
  gatewayRun: text('gateway_run').primaryKey(),
  startedAtEpochMs: integer('started_at_epoch_ms').notNull(),
  /** Every admission up to this one is settled. */
  settledUpTo: integer('settled_up_to').notNull(),
});

/** Attempts under an idempotency key. Hashes are keyed: neither the key nor the body can be had back from them. */
export const idempotencyKeys = sqliteTable(
  'idempotency_keys',
  {
    requestId: text('request_id').primaryKey(),
    keyHash: text('key_hash').notNull(),
    bodyFingerprint: text('body_fingerprint').notNull(),
    openedAtEpochMs: integer('opened_at_epoch_ms').notNull(),
  },
  (table) => [index('idempotency_keys_by_key').on(table.keyHash, table.openedAtEpochMs)],
);

/** What is to be added to rows of `requests`, which themselves are never changed. */
export const corrections = sqliteTable(
  'corrections',
  {
    correctionId: text('correction_id').primaryKey(),
    requestId: text('request_id').notNull(),
    madeAtEpochMs: integer('made_at_epoch_ms').notNull(),
    reason: text('reason').notNull(),
    author: text('author', { enum: ['system', 'admin'] }).notNull(),
    promptTokens: integer('prompt_tokens').notNull(),
    cachedTokens: integer('cached_tokens').notNull(),
    completionTokens: integer('completion_tokens').notNull(),
    costMicroUsd: integer('cost_micro_usd').notNull(),
  },
  (table) => [index('corrections_by_request').on(table.requestId)],
);

/**
 * Good and bad requests of objectives (gateway/domain/slo.ts), by the minute of their arrival; what is older than some days by its
 * hour, under the hour's first minute.
 */
export const sloCounts = sqliteTable(
  'slo_counts',
  {
    /** definitionOf() of the objective. */
    definition: text('definition').notNull(),
    bucketEpochMs: integer('bucket_epoch_ms').notNull(),
    good: integer('good').notNull(),
    bad: integer('bad').notNull(),
    startGood: integer('start_good').notNull(),
    startBad: integer('start_bad').notNull(),
  },
  (table) => [primaryKey({ columns: [table.definition, table.bucketEpochMs] })],
);

/** How far each objective's requests are counted, as in `rollup_mark`. */
export const sloMarks = sqliteTable('slo_marks', {
  definition: text('definition').primaryKey(),
  requestId: text('request_id').notNull(),
});

/** All versions of the price book; the newest is in force. */
export const priceVersions = sqliteTable('price_versions', {
  version: integer('version').primaryKey(),
  /** A PriceBook. */
  bookJson: text('book_json').notNull(),
  author: text('author', { enum: ['config', 'api'] }).notNull(),
  createdAtEpochMs: integer('created_at_epoch_ms').notNull(),
});

/** Orders to keep a combo at a level. */
export const pins = sqliteTable('pins', {
  combo: text('combo').primaryKey(),
  level: text('level', { enum: ['ready', 'staged'] }).notNull(),
  count: integer('count').notNull(),
  /** null: without end. */
  untilEpochMs: integer('until_epoch_ms'),
  createdAtEpochMs: integer('created_at_epoch_ms').notNull(),
});

/** API keys; deleted ones stay, since the ledger refers to them. Secrets are keyed hashes. */
export const apiKeys = sqliteTable('api_keys', {
  keyId: text('key_id').primaryKey(),
  name: text('name').notNull(),
  prefix: text('prefix').notNull(),
  hash: text('hash').notNull(),
  previousPrefix: text('previous_prefix'),
  previousHash: text('previous_hash'),
  previousUntilEpochMs: integer('previous_until_epoch_ms'),
  /** What of a key is a structure of its own (gateway/domain/apiKey.ts): scopes, limits, budget, tags. */
  termsJson: text('terms_json').notNull(),
  weight: real('weight').notNull(),
  createdAtEpochMs: integer('created_at_epoch_ms').notNull(),
  rotatedAtEpochMs: integer('rotated_at_epoch_ms'),
  expiresAtEpochMs: integer('expires_at_epoch_ms'),
  disabledAtEpochMs: integer('disabled_at_epoch_ms'),
  deletedAtEpochMs: integer('deleted_at_epoch_ms'),
});

/** What happened to the pool and the catalogue. */
export const events = sqliteTable(
  'events',
  {
    eventId: integer('event_id').primaryKey({ autoIncrement: true }),
    atEpochMs: integer('at_epoch_ms').notNull(),
    type: text('type').notNull(),
    runnerId: text('runner_id'),
    combo: text('combo'),
    /** JSON object. */
    detailJson: text('detail_json'),
  },
  (table) => [index('events_by_time').on(table.atEpochMs)],
);

import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { readConfigFile } from './catalogue/configFile.ts';
import {
  type EngineConfig,
  type FileConfig,
  type LedgerConfig,
  type LimitsConfig,
  LOG_LEVELS,
  type PoolConfig,
} from './catalogue/configSchema.ts';
import { parseDurationMs } from './catalogue/quantity.ts';
import { fail, ok, type Result } from './domain/errors.ts';
import { hasDeviceNodes, sharedMemoryFolder, usableMemoryBytes } from './machine.ts';
import { OTEL_ENVIRONMENT, type TraceSettings, traceSettings } from './otelEnvironment.ts';

/** The package's root: the folder above this file, and above dist/ when bundled. */
export const PACKAGE_ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** What runners may have of the memory; the rest is the gateway's, the page cache's and other processes'. */
const MEMORY_SHARE = 0.8;
/** Of that what bases may take in the weight store, unless it is said. */
const STORE_SHARE = 0.5;
const LEASE_EXPECTED = 'expected a duration such as "2s" or "30s"';

const environmentSchema = z.object({
  HEARTH_CONFIG: z.string().default(join(PACKAGE_ROOT, 'demo/hearth.yaml')),
  HEARTH_PORT: z
    .string()
    .regex(/^\d{1,5}$/, { error: 'expected a port from 0 to 65535' })
    .transform(Number)
    .refine((port) => port <= 65_535, { error: 'expected a port from 0 to 65535' })
    .optional(),
  HEARTH_HOST: z.string().optional(),
  HEARTH_DATA_DIR: z.string().default('.hearth'),
  HEARTH_ADMIN_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{8,}$/, { error: 'expected at least 8 visible ASCII characters' })
    .optional(),
  HEARTH_LOG_LEVEL: z.enum(LOG_LEVELS, { error: `expected one of ${LOG_LEVELS.join(', ')}` }).optional(),
  HEARTH_UPLOAD: z.enum(['auto', 'off'], { error: 'expected "auto" or "off"' }).optional(),
  HEARTH_STANDBYS: z
    .string()
    .regex(/^\d{1,2}$/, { error: 'expected a number from 0 to 64' })
    .transform(Number)
    .refine((standbys) => standbys <= 64, { error: 'expected a number from 0 to 64' })
    .optional(),
  /** `off`: no weight store. */
  HEARTH_STORE_DIR: z.string().optional(),
  HEARTH_ALLOW_ANONYMOUS: z
    .enum(['0', '1'], { error: 'expected "1" or "0"' })
    .transform((value) => value === '1')
    .optional(),
  HEARTH_LEASE: z
    .string()
    .refine((text) => parseDurationMs(text) !== null, { error: LEASE_EXPECTED })
    .optional(),
  ...OTEL_ENVIRONMENT,
});

/** What a gateway process is started with. Frozen; the environment wins over the YAML file. */
export interface Settings {
  /** Absolute, as `dataDir`. */
  readonly configPath: string;
  readonly host: string;
  readonly port: number;
  readonly edge: EdgeSettings;
  readonly dataDir: string;
  /** null: the one kept in the data directory (`ensureAdminToken`). */
  readonly adminToken: string | null;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** `cpuThreads` and `memoryBytes` are resolved, from the machine unless configured. */
  readonly pool: Readonly<Omit<PoolConfig, 'cpuThreads' | 'memoryBytes'> & Machine>;
  /** The machine may have devices for layers: which, a runner's engine finds. */
  readonly mayHaveDevices: boolean;
  readonly limits: Readonly<LimitsConfig>;
  readonly ledger: Readonly<LedgerConfig>;
  /** The environment's variable of that name, for secrets that the file names; undefined when absent or empty. */
  readonly variable: (name: string) => string | undefined;
  readonly engine: Readonly<EngineConfig>;
  /** Weights and runners are placed by the NUMA node of their device. */
  readonly numa: boolean;
  /** null: none is wanted. */
  readonly store: StoreSettings | null;
  /** null: no traces are exported. */
  readonly traces: TraceSettings | null;
}

/** What stands between the gateway and the outside. */
export interface EdgeSettings {
  /** Absolute paths of PEM files; null: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly corsOrigins: readonly string[];
  /** CIDRs. */
  readonly trustedProxies: readonly string[];
  /** Without API keys everybody is served, whatever the address. */
  readonly allowsAnonymous: boolean;
}

/** The weight store as it is wanted; whether it can be had shows when it is opened. */
export interface StoreSettings {
  /** Absolute. */
  readonly root: string;
  /** By HEARTH_STORE_DIR, by the file, or nowhere: then it is in the host's shared memory. */
  readonly place: 'given' | 'configured' | 'shared';
  /** Mount a tmpfs there; null: if it may be done, where the file says the folder. */
  readonly mount: boolean | null;
  /** Put segments into huge pages after they were staged where no tmpfs of such is mounted. */
  readonly collapses: boolean;
  readonly budgets: Readonly<{ bases: number; adapters: number }>;
  readonly disk: {
    readonly root: string;
    readonly budgets: Readonly<{ bases: number; adapters: number }>;
  } | null;
  readonly prefetchBytesPerSecond: number | null;
}

interface Machine {
  /** The machine's cores less one, at least 1. */
  readonly cpuThreads: number;
  /** A share of the memory that this process may use. */
  readonly memoryBytes: number;
}

/** Reads the environment (empty values count as absent) and the YAML file's process sections, once. */
export async function readSettings(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Result<Settings>> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(({ path, message }) => {
      const name = String(path[0]);
      // The token must never be seen in a message.
      const was = name === 'HEARTH_ADMIN_TOKEN' ? '' : `, got ${JSON.stringify(given[name])}`;
      return `${name}: ${message}${was}`;
    });
    return fail('invalid_request', `Cannot use the environment: ${lines.join('; ')}`);
  }
  const configPath = resolve(parsed.data.HEARTH_CONFIG);
  const document = await readConfigFile(configPath);
  if (!document.ok) return document;
  const variable = (name: string): string | undefined => given[name];
  return ok(settle(parsed.data, document.value.config, configPath, variable));
}

function settle(
  environment: z.output<typeof environmentSchema>,
  { pool, limits, ledger, log, server, weights, engine, telemetry }: FileConfig,
  configPath: string,
  variable: Settings['variable'],
): Settings {
  const leaseMs = environment.HEARTH_LEASE === undefined ? null : parseDurationMs(environment.HEARTH_LEASE);
  return Object.freeze({
    configPath,
    host: environment.HEARTH_HOST ?? server.host ?? '127.0.0.1',
    port: environment.HEARTH_PORT ?? server.port ?? 8080,
    edge: Object.freeze({
      tls: server.tls && {
        cert: resolve(dirname(configPath), server.tls.cert),
        key: resolve(dirname(configPath), server.tls.key),
      },
      corsOrigins: server.cors,
      trustedProxies: server.trusted_proxies,
      allowsAnonymous: environment.HEARTH_ALLOW_ANONYMOUS ?? server.allow_anonymous,
    }),
    dataDir: resolve(environment.HEARTH_DATA_DIR),
    adminToken: environment.HEARTH_ADMIN_TOKEN ?? null,
    logLevel: environment.HEARTH_LOG_LEVEL ?? log.level,
    pool: Object.freeze({
      ...pool,
      leaseMs: leaseMs ?? pool.leaseMs,
      standbys: environment.HEARTH_STANDBYS ?? pool.standbys,
      memoryBytes: pool.memoryBytes ?? Math.floor(usableMemoryBytes() * MEMORY_SHARE),
      cpuThreads: pool.cpuThreads ?? Math.max(1, availableParallelism() - 1),
    }),
    mayHaveDevices: hasDeviceNodes(),
    limits: Object.freeze({ ...limits }),
    ledger: Object.freeze({ ...ledger }),
    store: storeSettings(environment.HEARTH_STORE_DIR, weights),
    traces: traceSettings(environment, telemetry.otlp_endpoint),
    numa: weights.numa,
    variable,
    engine: Object.freeze({ upload: environment.HEARTH_UPLOAD ?? engine.upload }),
  });
}

function storeSettings(directory: string | undefined, weights: FileConfig['weights']): StoreSettings | null {
  if (directory === 'off' || (!weights.store && directory === undefined)) return null;
  const { path, mount, collapse, basesBytes, adaptersBytes, disk, prefetchBytesPerSecond } = weights;
  const bases = basesBytes ?? Math.floor(usableMemoryBytes() * STORE_SHARE);
  return {
    root: resolve(directory ?? path ?? sharedMemoryFolder()),
    place: directory !== undefined ? 'given' : path !== null ? 'configured' : 'shared',
    mount,
    collapses: collapse,
    budgets: { bases, adapters: adaptersBytes },
    disk: disk && { root: resolve(disk.path), budgets: { bases: disk.memory, adapters: disk.adapters } },
    prefetchBytesPerSecond,
  };
}

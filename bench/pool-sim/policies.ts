import type { PoolSettings } from '../../gateway/pool/settings.ts';
import type { ForecastSettings } from './forecaster.ts';

/** One way to run the pool, as the table names it. */
export interface SimPolicy {
  readonly name: string;
  /** `clairvoyant`: knows what will be asked for, which no pool does. */
  readonly eviction: PoolSettings['eviction'] | 'clairvoyant';
  /** Of every base and combo; null: kept until room is short. */
  readonly idleTtlMs: number | null;
  /** Warms ahead what is usual at that time of the week. */
  readonly forecast?: ForecastSettings;
}

const FORECAST: ForecastSettings = { horizonMs: 900_000, minChance: 0.5, budgetBytes: 64e9 };
const TTL = { eviction: 'gdsf', idleTtlMs: 600_000 } as const;

/** Beside the ones that are run unless asked otherwise. */
export const MORE_POLICIES: readonly SimPolicy[] = [
  { name: 'gdsf-ttl-10m', ...TTL },
  { name: 'gdsf-ttl-10m-forecast', ...TTL, forecast: FORECAST },
  { name: 'gdsf-ttl-60m', ...TTL, idleTtlMs: 3_600_000 },
  { name: 'gdsf-forecast', eviction: 'gdsf', idleTtlMs: null, forecast: FORECAST },
];

/** `per-request`: nothing is kept longer than what runs, which is a swap for each request that finds nobody at work. */
export const POLICIES: readonly SimPolicy[] = [
  { name: 'gdsf', eviction: 'gdsf', idleTtlMs: null },
  { name: 'lru', eviction: 'lru', idleTtlMs: null },
  { name: 'size', eviction: 'size', idleTtlMs: null },
  { name: 'clairvoyant', eviction: 'clairvoyant', idleTtlMs: null },
  { name: 'lru-ttl-5m', eviction: 'lru', idleTtlMs: 300_000 },
  { name: 'per-request', eviction: 'lru', idleTtlMs: 0 },
];

/** The machine of the simulation. */
export interface SimMachine {
  readonly memoryBytes: number;
  readonly maxRunners: number;
  readonly maxCombosPerRunner: number;
  readonly standbys: number;
  readonly swapAfterMs: number;
  readonly minResidencyMs: number;
  /** How long processes take, beside loads and attaches, which are the fleet's. */
  readonly spawnMs: number;
  readonly detachMs: number;
  readonly stopMs: number;
  /** `all`: at each 200 ms, as the gateway has them, to see that leaving out the needless ones changes nothing. */
  readonly ticks: 'needed' | 'all';
}

export const MACHINE: SimMachine = {
  memoryBytes: 512e9,
  maxRunners: 64,
  maxCombosPerRunner: 16,
  standbys: 2,
  swapAfterMs: 2000,
  minResidencyMs: 5000,
  spawnMs: 300,
  detachMs: 5,
  stopMs: 150,
  ticks: 'needed',
};

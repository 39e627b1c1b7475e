import type { Catalogue, CatalogueModel } from '../domain/catalogue.ts';
import { modelId } from '../domain/ids.ts';
import { BILLED_STARTS, type PriceBook, ratesOf } from '../domain/prices.ts';
import type { RecordedArrivals, RecordedStarts } from '../domain/recordedArrivals.ts';
import type { Row } from './figures.ts';
import type { Fleet, SimBase } from './replay/fleet.ts';
import { type Arrival, type Trace, toArrivals } from './replay/trace.ts';
import type { TtlPoint } from './replay/ttlCurve.ts';
import { six, three } from './slo.ts';
import type { Column } from './table.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const BYTES_PER_GB = 1e9;
const MICRO = 1e6;

/** What is tried; null: never by idleness. */
export const REPLAYED_TTLS_MS: readonly (number | null)[] = [
  0,
  MINUTE_MS,
  5 * MINUTE_MS,
  15 * MINUTE_MS,
  HOUR_MS,
  4 * HOUR_MS,
  null,
];
/** Most requests of one replay: the last ones of the range. */
export const MOST_REPLAYED = 20_000;

/** Where the books have no start of a base: its bytes at 1 GB/s, and this at least. */
const LEAST_BASE_MS = 10;
const GB_PER_MS = 1e6;
/** Where they have none of a combo. */
const ATTACH_MS = 10;

/** A trace to replay, with the combos' records in the order of its fleet's. */
export interface Replayable {
  readonly trace: Trace;
  readonly combos: readonly RecordedStarts[];
  /** Requests for bases that are not in the catalogue any more: what they hold is not known. */
  readonly leftOut: number;
}

/** What was recorded, with sizes of the catalogue and the starts' own times. Time 0 is the first arrival. */
export function replayableOf(recorded: RecordedArrivals, catalogue: Catalogue): Replayable {
  const known = recorded.combos.flatMap((record) => {
    const model = catalogue.models.get(modelId(record.base));
    return model ? [{ record, model }] : [];
  });
  const bases = new Map(known.map(({ record, model }) => [model, record.baseMs]));
  const models = [...bases.keys()];
  const fleet: Fleet = {
    bases: [...bases].map(([model, baseMs]) => baseOf(model, baseMs)),
    combos: known.map(({ record, model }) => ({
      name: record.combo,
      base: models.indexOf(model),
      attachMs: record.attachMs ?? ATTACH_MS,
    })),
  };
  const combos = known.map(({ record }) => record);
  const kept = arrivalsOf(recorded, combos);
  return {
    trace: { name: 'recorded', fleet, arrivals: toArrivals(kept) },
    combos,
    leftOut: recorded.combo.length - kept.length,
  };
}

/** Those of `combos`, which have their places there. */
function arrivalsOf(recorded: RecordedArrivals, combos: readonly RecordedStarts[]): Arrival[] {
  const place = new Map(combos.map((record, index) => [record, index]));
  const places = recorded.combos.map((record) => place.get(record));
  const kept = [...recorded.combo].flatMap((from, at) => {
    const combo = places[from];
    if (combo === undefined) return [];
    return [{ combo, atMs: recorded.atEpochMs[at] ?? 0, durationMs: recorded.durationMs[at] ?? 0 }];
  });
  const startedAtEpochMs = kept[0]?.atMs ?? 0;
  return kept.map((arrival) => ({ ...arrival, atMs: arrival.atMs - startedAtEpochMs }));
}

function baseOf(model: CatalogueModel, baseMs: number | null): SimBase {
  const { id, weightBytes, kvBytesPerToken, contextTokens, sequences, computeBytes } = model;
  return {
    id,
    weightBytes,
    loadMs: baseMs ?? Math.max(LEAST_BASE_MS, weightBytes / GB_PER_MS),
    contextBytes: kvBytesPerToken * contextTokens * sequences + computeBytes,
    sequences,
  };
}

export interface KeepWarmTerms {
  readonly book: PriceBook;
  /** What a second that a client waits is worth. */
  readonly waitUsdPerSecond: number;
  /** null: all. */
  readonly combo: string | null;
}

/** One row per combo and time to live, in the order of names; docs/keepwarm.md has the exact meaning of every figure. */
export function keepWarmRows(
  { trace, combos, leftOut }: Replayable,
  found: number,
  points: readonly TtlPoint[],
  terms: KeepWarmTerms,
): Row[] {
  const { atMs } = trace.arrivals;
  const replayed = {
    requests: atMs.length,
    found,
    left_out: leftOut,
    hours: three((atMs.at(-1) ?? 0) / HOUR_MS),
  };
  const own = pointsByCombo(points);
  const bytes = new Map(trace.fleet.bases.map((base) => [base.id, base.weightBytes + base.contextBytes]));
  return [...combos.entries()]
    .filter(([, { combo }]) => terms.combo === null || terms.combo === combo)
    .sort(([, a], [, b]) => (a.combo < b.combo ? -1 : 1))
    .flatMap(([index, record]) => rowsOf(record, own.get(index) ?? [], bytes.get(record.base) ?? 0, terms))
    .map((row) => ({ ...row, replayed }));
}

function pointsByCombo(points: readonly TtlPoint[]): ReadonlyMap<number, readonly TtlPoint[]> {
  const byCombo = new Map<number, TtlPoint[]>();
  for (const point of points) {
    const own = byCombo.get(point.combo);
    if (own) own.push(point);
    else byCombo.set(point.combo, [point]);
  }
  return byCombo;
}

function rowsOf(
  record: RecordedStarts,
  points: readonly TtlPoint[],
  bytes: number,
  terms: KeepWarmTerms,
): Row[] {
  const rates = ratesOf(terms.book, record.combo);
  const priced = points.map((point) => ({ point, cost: costOf(point, rates, terms.waitUsdPerSecond) }));
  // With memory for nothing it is best to keep all, with starts for nothing to keep none: neither is an answer.
  const isPriced = rates.deviceGbSecond > 0 && (hasStartPrice(rates.start) || terms.waitUsdPerSecond > 0);
  const least = Math.min(...priced.map(({ cost }) => cost.total));
  // Of equal ones the shortest.
  const best = priced.map(({ cost }) => cost).find(({ total }) => total === least);
  const hourMicroUsd = (bytes / BYTES_PER_GB) * rates.deviceGbSecond * 3600 * MICRO;
  const startMicroUsd = record.starts > 0 ? costOfStarts(record, terms.waitUsdPerSecond) / record.starts : 0;
  return priced.map(({ point, cost }) => ({
    combo: record.combo,
    ttl_s: point.ttlMs === null ? null : point.ttlMs / 1000,
    is_best: isPriced ? cost === best : null,
    cold_starts: BILLED_STARTS.reduce((sum, kind) => sum + point.starts[kind], 0),
    waited_s: three(point.waitedMs / 1000),
    warm_gb_hours: six(point.byteMs / BYTES_PER_GB / HOUR_MS),
    cost_micro_usd: cost.total,
    memory_micro_usd: cost.memory,
    start_micro_usd: cost.starts,
    wait_micro_usd: cost.waits,
    refused: point.refused,
    recorded: {
      requests: record.requests,
      cold_starts: record.starts,
      waited_s: three(record.waitedMs / 1000),
      start_micro_usd: record.startMicroUsd,
    },
    keep_warm: {
      gb: six(bytes / BYTES_PER_GB),
      micro_usd_per_hour: isPricedMemory(rates) ? Math.round(hourMicroUsd) : null,
      break_even_starts_per_hour:
        isPricedMemory(rates) && startMicroUsd > 0 ? three(hourMicroUsd / startMicroUsd) : null,
    },
  }));
}

type ComboRates = ReturnType<typeof ratesOf>;

const isPricedMemory = ({ deviceGbSecond }: ComboRates): boolean => deviceGbSecond > 0;
const hasStartPrice = (start: ComboRates['start']): boolean => BILLED_STARTS.some((kind) => start[kind] > 0);

function costOfStarts({ startMicroUsd, waitedMs }: RecordedStarts, waitUsdPerSecond: number): number {
  return startMicroUsd + (waitedMs / 1000) * waitUsdPerSecond * MICRO;
}

/** In whole micro-USD; the parts add up. */
function costOf({ byteMs, starts, waitedMs }: TtlPoint, rates: ComboRates, waitUsdPerSecond: number) {
  const memory = Math.round((byteMs / BYTES_PER_GB / 1000) * rates.deviceGbSecond * MICRO);
  const begun = Math.round(
    BILLED_STARTS.reduce((sum, kind) => sum + starts[kind] * rates.start[kind] * MICRO, 0),
  );
  const waits = Math.round((waitedMs / 1000) * waitUsdPerSecond * MICRO);
  return { memory, starts: begun, waits, total: memory + begun + waits };
}

export function keepWarmColumns(): Column[] {
  const under = (name: string, figures: readonly string[]): Column[] =>
    figures.map((figure) => [name, figure]);
  return [
    ...['combo', 'ttl_s', 'is_best', 'cold_starts', 'waited_s', 'warm_gb_hours', 'cost_micro_usd'].map(
      (name) => [name],
    ),
    ...['memory_micro_usd', 'start_micro_usd', 'wait_micro_usd', 'refused'].map((name) => [name]),
    ...under('recorded', ['requests', 'cold_starts', 'waited_s', 'start_micro_usd']),
    ...under('keep_warm', ['gb', 'micro_usd_per_hour', 'break_even_starts_per_hour']),
    ...under('replayed', ['requests', 'found', 'left_out', 'hours']),
  ];
}

import type { Catalogue } from '../domain/catalogue.ts';
import { modelId } from '../domain/ids.ts';
import { BILLED_STARTS, type PriceBook, ratesOf } from '../domain/prices.ts';
import type { RecordedArrivals, RecordedStarts } from '../domain/recordedArrivals.ts';
import type { Row } from './figures.ts';
import type { Fleet, SimBase } from './replay/fleet.ts';
import type { Trace } from './replay/trace.ts';
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
  const known = recorded.combos.filter(({ base }) => catalogue.models.has(modelId(base)));
  const bases = [...new Set(known.map(({ base }) => base))];
  const fleet: Fleet = {
    bases: bases.map((base) => baseOf(base, known, catalogue)),
    combos: known.map(({ combo, base, attachMs }) => ({
      name: combo,
      base: bases.indexOf(base),
      attachMs: attachMs ?? ATTACH_MS,
    })),
  };
  const place = new Map(known.map((one, index) => [one, index]));
  const places = recorded.combos.map((one) => place.get(one));
  const kept = [...recorded.combo.keys()].filter((at) => places[recorded.combo[at] ?? -1] !== undefined);
  const startedAt = recorded.atEpochMs[kept[0] ?? 0] ?? 0;
  return {
    trace: {
      name: 'recorded',
      fleet,
      arrivals: {
        atMs: Float64Array.from(kept, (at) => (recorded.atEpochMs[at] ?? 0) - startedAt),
        combo: Uint32Array.from(kept, (at) => places[recorded.combo[at] ?? -1] ?? 0),
        durationMs: Float64Array.from(kept, (at) => recorded.durationMs[at] ?? 0),
      },
    },
    combos: known,
    leftOut: recorded.combo.length - kept.length,
  };
}

function baseOf(base: string, known: readonly RecordedStarts[], catalogue: Catalogue): SimBase {
  const model = catalogue.models.get(modelId(base));
  const weightBytes = model?.weightBytes ?? 0;
  const measured = known.flatMap((one) => (one.base === base && one.baseMs !== null ? [one.baseMs] : []));
  measured.sort((a, b) => a - b);
  return {
    id: base,
    weightBytes,
    loadMs:
      measured[Math.floor((measured.length - 1) / 2)] ?? Math.max(LEAST_BASE_MS, weightBytes / GB_PER_MS),
    contextBytes: model
      ? model.kvBytesPerToken * model.contextTokens * model.sequences + model.computeBytes
      : 0,
    sequences: model?.sequences ?? 1,
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
  const order = [...combos.keys()].toSorted((a, b) =>
    (combos[a]?.combo ?? '') < (combos[b]?.combo ?? '') ? -1 : 1,
  );
  return order.flatMap((index) => {
    const record = combos[index];
    if (!record || (terms.combo !== null && record.combo !== terms.combo)) return [];
    const own = points.filter(({ combo }) => combo === index);
    const bytes = bytesOf(trace.fleet, index);
    return rowsOf(record, own, bytes, terms).map((row) => ({ ...row, replayed }));
  });
}

function bytesOf({ bases, combos }: Fleet, index: number): number {
  const base = bases[combos[index]?.base ?? -1];
  return (base?.weightBytes ?? 0) + (base?.contextBytes ?? 0);
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
  const best = isPriced ? priced.find(({ cost }) => cost.total === least)?.point : undefined;
  const hourMicroUsd = (bytes / BYTES_PER_GB) * rates.deviceGbSecond * 3600 * MICRO;
  const startMicroUsd = record.starts > 0 ? costOfStarts(record, terms.waitUsdPerSecond) / record.starts : 0;
  return priced.map(({ point, cost }) => ({
    combo: record.combo,
    ttl_s: point.ttlMs === null ? null : point.ttlMs / 1000,
    is_best: isPriced ? point === best : null,
    cold_starts: BILLED_STARTS.reduce((sum, kind) => sum + point.starts[kind], 0),
    waited_s: three(point.waitedMs / 1000),
    warm_gb_hours: six(point.byteMs / BYTES_PER_GB / HOUR_MS),
    cost_micro_usd: Math.round(cost.total),
    memory_micro_usd: Math.round(cost.memory),
    start_micro_usd: Math.round(cost.starts),
    wait_micro_usd: Math.round(cost.waits),
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

function costOf({ byteMs, starts, waitedMs }: TtlPoint, rates: ComboRates, waitUsdPerSecond: number) {
  const memory = (byteMs / BYTES_PER_GB / 1000) * rates.deviceGbSecond * MICRO;
  const begun = BILLED_STARTS.reduce((sum, kind) => sum + starts[kind] * rates.start[kind] * MICRO, 0);
  const waits = (waitedMs / 1000) * waitUsdPerSecond * MICRO;
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

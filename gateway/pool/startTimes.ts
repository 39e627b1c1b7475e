import type { CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { StartKind } from '../domain/phases.ts';
import { medianMs, noteDuration } from './durations.ts';
import { bestHolder } from './holders.ts';
import { baseKey, type ComboSlot, type PoolState } from './state.ts';
import { restingRunners, runnersOfBase } from './usable.ts';

/** Until a load was measured: 1 GB/s, as a local disk gives. */
const ASSUMED_MS_PER_GB = 1000;
const BYTES_PER_GB = 1e9;
const ALL = 'all';

/** A start has ended well that took so long. */
export function noteStart({ startTimes }: PoolState, combo: Combo, kind: StartKind, tookMs: number): void {
  const book = startTimes.starts[kind];
  noteDuration(book, combo.key, tookMs);
  noteDuration(book, ofBase(combo.model), tookMs);
}

/** A base has been loaded; what the rate of the next one is predicted from. */
export function noteLoad({ startTimes }: PoolState, weightBytes: number, tookMs: number): void {
  if (weightBytes > 0) noteDuration(startTimes.loads, ALL, (tookMs * BYTES_PER_GB) / weightBytes);
}

/** How the combo would be started as things are, when nobody had begun that. */
export function nextStartKind(state: PoolState, { model }: Combo): 'attach' | 'wake' | 'cold' {
  if (runnersOfBase(state, model).some((runner) => runner.state === 'ready')) return 'attach';
  return restingRunners(state, model).length > 0 ? 'wake' : 'cold';
}

/** Median of the combo's own starts of that kind, else of those of its base; null: none was seen. */
export function measuredStartMs({ startTimes }: PoolState, combo: Combo, kind: StartKind): number | null {
  const book = startTimes.starts[kind];
  return medianMs(book, combo.key) ?? medianMs(book, ofBase(combo.model));
}

/** How long a whole start of the combo would take as things are: measured, else predicted from its bytes. */
export function expectedStartMs(state: PoolState, combo: Combo): number {
  const kind = nextStartKind(state, combo);
  return measuredStartMs(state, combo, kind) ?? predictedStartMs(state, combo, kind);
}

/** Bytes over the rate of the loads so far: weights unless the base is there, adapters, KV cache and compute buffers. */
export function predictedStartMs(
  { startTimes }: PoolState,
  { model, adapters }: Combo,
  kind: StartKind,
): number {
  const adapterBytes = adapters.reduce((sum, { adapter }) => sum + adapter.weightBytes, 0);
  const contextBytes = model.kvBytesPerToken * model.contextTokens * model.sequences + model.computeBytes;
  const bytes = (kind === 'attach' ? 0 : model.weightBytes) + adapterBytes + contextBytes;
  return (bytes / BYTES_PER_GB) * (medianMs(startTimes.loads, ALL) ?? ASSUMED_MS_PER_GB);
}

/** How long until the combo is ready: what is left of its start, or a whole one; 0 when it is ready. */
export function remainingStartMs(
  state: PoolState,
  combo: Combo,
  nowMs: number,
  startMs: (kind: StartKind) => number,
): number {
  const slot = bestHolder(state, combo.key)?.slot;
  if (slot?.state === 'ready') return 0;
  const underWay = slot && isStarting(slot) ? slot : startOfBase(state, combo.model);
  if (!underWay) return startMs(nextStartKind(state, combo));
  return Math.max(0, startMs(underWay.kind) - (nowMs - underWay.begunMs));
}

type StartingSlot = Extract<ComboSlot, { state: 'wanted' | 'attaching' }>;

export function isStarting(slot: ComboSlot): slot is StartingSlot {
  return slot.state === 'wanted' || slot.state === 'attaching';
}

/** The start of the base that is under way: a combo that comes now joins it. */
function startOfBase(state: PoolState, model: CatalogueModel): StartingSlot | undefined {
  const runners = runnersOfBase(state, model);
  if (runners.some((runner) => runner.state === 'ready')) return undefined;
  for (const { combos } of runners) for (const slot of combos.values()) if (isStarting(slot)) return slot;
  return undefined;
}

function ofBase(model: CatalogueModel): string {
  return `base ${baseKey(model)}`;
}

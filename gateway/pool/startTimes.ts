import type { CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { StartKind } from '../domain/phases.ts';
import { medianMs, noteDuration } from './durations.ts';
import { bestHolder } from './holders.ts';
import { loadKind } from './segments.ts';
import type { ComboSlot } from './slots.ts';
import { baseKey, type PoolState } from './state.ts';
import { restingRunners, runnersOfBase } from './usable.ts';

// What was measured of starts, in one book: whole ones by kind, their steps, and milliseconds for a gigabyte of weights.

/** One step of a start, as it is measured and predicted. */
export type StartStep =
  | { readonly step: 'spawn' }
  | { readonly step: 'load'; readonly model: CatalogueModel }
  | { readonly step: 'attach'; readonly combo: Combo };

/** Until a load was measured: 1 GB/s, as a local disk gives. */
const ASSUMED_MS_PER_GB = 1000;
const BYTES_PER_GB = 1e9;
/** What a step takes beside its bytes, until one like it was measured. */
const ASSUMED_STEP_MS = 500;

/** What is measured beside the starts of single combos, which are under their kinds. */
const GIGABYTE = 'gigabyte';
const OF_BASE: Readonly<Record<StartKind, string>> = {
  warm: 'warm of base',
  attach: 'attach of base',
  wake: 'wake of base',
  staged: 'staged of base',
  cold: 'cold of base',
};
const OF_STEP: Readonly<Record<StartStep['step'], string>> = {
  spawn: 'step spawn',
  load: 'step load',
  attach: 'step attach',
};

/** A start has ended well that took so long. */
export function noteStart({ startTimes }: PoolState, combo: Combo, kind: StartKind, tookMs: number): void {
  noteDuration(startTimes, kind, combo.key, tookMs);
  noteDuration(startTimes, OF_BASE[kind], baseKey(combo.model), tookMs);
}

/** A step of one has. */
export function noteStep({ startTimes }: PoolState, step: StartStep, tookMs: number): void {
  noteDuration(startTimes, OF_STEP[step.step], thingOf(step), tookMs);
}

/** A base has been loaded; what the rate of the next one is predicted from. */
export function noteLoad({ startTimes }: PoolState, weightBytes: number, tookMs: number): void {
  if (weightBytes > 0) noteDuration(startTimes, GIGABYTE, '', (tookMs * BYTES_PER_GB) / weightBytes);
}

/** The median of what such steps took, else what their bytes take at a common rate. */
export function predictStepMs({ startTimes }: PoolState, step: StartStep): number {
  const assumedMs = ASSUMED_STEP_MS + (bytesOf(step) / BYTES_PER_GB) * ASSUMED_MS_PER_GB;
  return medianMs(startTimes, OF_STEP[step.step], thingOf(step)) ?? assumedMs;
}

/** How the combo would be started as things are, when nobody had begun that. */
export function nextStartKind(state: PoolState, { model }: Combo): 'attach' | 'wake' | 'staged' | 'cold' {
  if (runnersOfBase(state, model).some((runner) => runner.state === 'ready')) return 'attach';
  return restingRunners(state, model).length > 0 ? 'wake' : loadKind(state, model);
}

/** Median of the combo's own starts of that kind, else of those of its base; null: none was seen. */
export function measuredStartMs({ startTimes }: PoolState, combo: Combo, kind: StartKind): number | null {
  return medianMs(startTimes, kind, combo.key) ?? medianMs(startTimes, OF_BASE[kind], baseKey(combo.model));
}

/** How long a whole start of the combo would take as things are: measured, else predicted from its bytes. */
export function expectedStartMs(state: PoolState, combo: Combo): number {
  const kind = nextStartKind(state, combo);
  return measuredStartMs(state, combo, kind) ?? predictedStartMs(state, combo, kind);
}

/** Bytes over the rate of the loads so far: weights unless the base is there, adapters, KV cache and compute buffers. */
export function predictedStartMs({ startTimes }: PoolState, combo: Combo, kind: StartKind): number {
  const { model } = combo;
  const contextBytes = model.kvBytesPerToken * model.contextTokens * model.sequences + model.computeBytes;
  const bytes = (kind === 'attach' ? 0 : model.weightBytes) + adapterBytes(combo) + contextBytes;
  return (bytes / BYTES_PER_GB) * (medianMs(startTimes, GIGABYTE, '') ?? ASSUMED_MS_PER_GB);
}

/** How long until the combo is ready: what is left of its start, or a whole one; 0 when it is ready. */
export function remainingStartMs(
  state: PoolState,
  combo: Combo,
  nowMs: number,
  startMs: (kind: StartKind) => number,
): number {
  const slot = bestHolder(state, combo)?.slot;
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

function bytesOf(step: StartStep): number {
  if (step.step === 'spawn') return 0;
  return step.step === 'load' ? step.model.weightBytes : adapterBytes(step.combo);
}

function adapterBytes({ adapters }: Combo): number {
  return adapters.reduce((bytes, { adapter }) => bytes + adapter.weightBytes, 0);
}

/** Combos are client-made (any scale is another one): steps of attaches are measured by base. */
function thingOf(step: StartStep): string {
  if (step.step === 'spawn') return '';
  return baseKey(step.step === 'load' ? step.model : step.combo.model);
}

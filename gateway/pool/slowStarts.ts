import type { CatalogueAdapter, CatalogueModel } from '../domain/catalogue.ts';
import type { RunnerId } from '../domain/ids.ts';
import type { PoolEffect } from './effects.ts';
import { readsSource } from './pages.ts';
import { stagingMs, stagingOf } from './segments.ts';
import { predictStepMs, type StartStep } from './startTimes.ts';
import type { PoolState, ReadyRunner, Runner } from './state.ts';

/** A step of a start is slow from this multiple of its prediction on. */
const SLOW_FACTOR = 3;
/** Below it a step is not slow, however short its prediction: ticks are coarser than a start of 20 ms. */
const LEAST_SLOW_MS = 1_000;

interface Underway {
  /** One for the whole start of a runner, one for each attach, and one for what either waits to be staged. */
  readonly key: string;
  readonly runnerId: RunnerId;
  readonly name: string | undefined;
  readonly step: StartStep['step'] | 'stage';
  readonly predictedMs: number;
  readonly sinceMs: number;
}

/** Tells of each start once that it takes much longer than predicted, and once of what it waits to be staged. */
export function noteSlowStarts(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  const { slowStarts: slow } = state;
  const underway = longStarts(state, nowMs);
  for (const key of slow) if (!underway.some((one) => one.key === key)) slow.delete(key);
  for (const { key, runnerId, name, step, predictedMs, sinceMs } of underway) {
    const elapsedMs = nowMs - sinceMs;
    if (slow.has(key) || elapsedMs < LEAST_SLOW_MS || elapsedMs < SLOW_FACTOR * predictedMs) continue;
    slow.add(key);
    const detail = { step, predictedMs: Math.round(predictedMs), elapsedMs: Math.round(elapsedMs) };
    const combo = name === undefined ? {} : { combo: name };
    effects.push({ type: 'note', note: 'start_slow', runnerId, ...combo, detail });
  }
}

/** Starts that have been under way for so long that they may be slow. */
function longStarts(state: PoolState, nowMs: number): Underway[] {
  const latestMs = nowMs - LEAST_SLOW_MS;
  const long: Underway[] = [];
  for (const runner of state.runners.values()) {
    if (runner.state === 'ready') addAttaches(state, runner, latestMs, long);
    else if ((runner.state === 'starting' || runner.state === 'loading') && runner.sinceMs <= latestMs)
      long.push(startOf(state, runner));
  }
  return long;
}

function startOf(state: PoolState, runner: Extract<Runner, { state: 'starting' | 'loading' }>): Underway {
  const { id, device, model, sinceMs } = runner;
  const start = { key: id, runnerId: id, name: model?.id };
  if (runner.state === 'starting')
    return { ...start, step: 'spawn', predictedMs: predictStepMs(state, { step: 'spawn' }), sinceMs };
  // One that wakes has its file, and one that reads the source waits for no store.
  const isFromStore = runner.kind !== 'wake' && !readsSource(state, runner.model, device);
  const load = { step: 'load', model: runner.model } as const;
  return stepOf(state, { ...start, sinceMs }, load, isFromStore ? [runner.model] : []);
}

function addAttaches(
  state: PoolState,
  { id: runnerId, combos }: ReadyRunner,
  latestMs: number,
  long: Underway[],
): void {
  if (combos.sums.orderedMs > latestMs) return;
  for (const [key, slot] of combos) {
    if (slot.state !== 'attaching' || slot.sinceMs > latestMs) continue;
    const { combo, sinceMs } = slot;
    const attach = { key: `${runnerId} ${key}`, runnerId, name: combo.name, sinceMs };
    const reads = combo.adapters.map(({ adapter }) => adapter);
    long.push(stepOf(state, attach, { step: 'attach', combo }, reads));
  }
}

/** While what it reads is on its way into the weight store that is what may be slow; the step itself begins after it. */
function stepOf(
  state: PoolState,
  start: Pick<Underway, 'key' | 'runnerId' | 'name' | 'sinceMs'>,
  step: StartStep,
  reads: readonly (CatalogueModel | CatalogueAdapter)[],
): Underway {
  const { underWay, endedMs } = stagingOf(state, reads);
  const sinceMs = Math.max(start.sinceMs, endedMs);
  if (!underWay) return { ...start, step: step.step, predictedMs: predictStepMs(state, step), sinceMs };
  const staging = { key: `${start.key} stage`, predictedMs: stagingMs(state, underWay) };
  return { ...start, ...staging, step: 'stage', sinceMs: underWay.sinceMs };
}

import type { RunnerId } from '../domain/ids.ts';
import type { PoolEffect } from './effects.ts';
import { predictStepMs, type StartStep } from './startTimes.ts';
import type { PoolState, ReadyRunner, Runner } from './state.ts';

/** A start is slow from this multiple of its prediction on. */
const SLOW_FACTOR = 3;
/** Below it a start is not slow, however short its prediction: ticks are coarser than a start of 20 ms. */
const LEAST_SLOW_MS = 1_000;

interface Underway {
  /** One for the whole start of a runner, one for each attach. */
  readonly key: string;
  readonly runnerId: RunnerId;
  readonly name: string | undefined;
  readonly step: StartStep;
  readonly sinceMs: number;
}

/** Tells of each start once that it takes much longer than predicted. */
export function noteSlowStarts(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  const { slowStarts: slow } = state;
  const underway = longStarts(state, nowMs);
  for (const key of slow) if (!underway.some((one) => one.key === key)) slow.delete(key);
  for (const { key, runnerId, name, step, sinceMs } of underway) {
    if (slow.has(key)) continue;
    const elapsedMs = nowMs - sinceMs;
    const predictedMs = predictStepMs(state, step);
    if (elapsedMs < SLOW_FACTOR * predictedMs) continue;
    slow.add(key);
    const detail = {
      step: step.step,
      predictedMs: Math.round(predictedMs),
      elapsedMs: Math.round(elapsedMs),
    };
    const combo = name === undefined ? {} : { combo: name };
    effects.push({ type: 'note', note: 'start_slow', runnerId, ...combo, detail });
  }
}

/** Starts that have been under way for so long that they may be slow. */
function longStarts({ runners }: PoolState, nowMs: number): Underway[] {
  const latestMs = nowMs - LEAST_SLOW_MS;
  const long: Underway[] = [];
  for (const runner of runners.values()) {
    if (runner.state === 'ready') addAttaches(runner, latestMs, long);
    else if ((runner.state === 'starting' || runner.state === 'loading') && runner.sinceMs <= latestMs)
      long.push(startOf(runner));
  }
  return long;
}

function startOf(runner: Extract<Runner, { state: 'starting' | 'loading' }>): Underway {
  const { id: runnerId, model, sinceMs } = runner;
  const step =
    runner.state === 'starting'
      ? ({ step: 'spawn' } as const)
      : ({ step: 'load', model: runner.model } as const);
  return { key: runnerId, runnerId, name: model?.id, step, sinceMs };
}

function addAttaches({ id: runnerId, combos }: ReadyRunner, latestMs: number, long: Underway[]): void {
  if (combos.sums.orderedMs > latestMs) return;
  for (const [key, slot] of combos) {
    if (slot.state !== 'attaching' || slot.sinceMs > latestMs) continue;
    const { combo, sinceMs } = slot;
    const step = { step: 'attach', combo } as const;
    long.push({ key: `${runnerId} ${key}`, runnerId, name: combo.name, step, sinceMs });
  }
}

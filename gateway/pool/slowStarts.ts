import type { PoolEffect } from './effects.ts';
import { predictStepMs, type StartStep } from './startTimes.ts';
import type { PoolState, Runner } from './state.ts';

/** A start is slow from this multiple of its prediction on. */
const SLOW_FACTOR = 3;
/** Below it a start is not slow, however short its prediction: ticks are coarser than a start of 20 ms. */
const LEAST_SLOW_MS = 1_000;

interface Underway {
  /** One for the whole start of a runner, one for each attach. */
  readonly key: string;
  readonly name: string | undefined;
  readonly step: StartStep;
  readonly sinceMs: number;
}

/** Tells of each start once that it takes much longer than predicted. */
export function noteSlowStarts(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  const { slowStarts: slow } = state;
  const before = new Set(slow);
  slow.clear();
  for (const runner of state.runners.values()) {
    for (const { key, name, step, sinceMs } of startsOf(runner)) {
      const elapsedMs = nowMs - sinceMs;
      if (before.has(key)) slow.add(key);
      if (before.has(key) || elapsedMs < LEAST_SLOW_MS) continue;
      const predictedMs = predictStepMs(state, step);
      if (elapsedMs < SLOW_FACTOR * predictedMs) continue;
      slow.add(key);
      const detail = {
        step: step.step,
        predictedMs: Math.round(predictedMs),
        elapsedMs: Math.round(elapsedMs),
      };
      const combo = name === undefined ? {} : { combo: name };
      effects.push({ type: 'note', note: 'start_slow', runnerId: runner.id, ...combo, detail });
    }
  }
}

function startsOf(runner: Runner): Underway[] {
  const { id, model } = runner;
  if (runner.state === 'starting')
    return [{ key: id, name: model?.id, step: { step: 'spawn' }, sinceMs: runner.sinceMs }];
  if (runner.state === 'loading') {
    const step = { step: 'load', model: runner.model } as const;
    return [{ key: id, name: runner.model.id, step, sinceMs: runner.sinceMs }];
  }
  const attaches: Underway[] = [];
  if (runner.state !== 'ready') return attaches;
  for (const [key, slot] of runner.combos) {
    if (slot.state !== 'attaching') continue;
    const { combo, sinceMs } = slot;
    attaches.push({ key: `${id} ${key}`, name: combo.name, step: { step: 'attach', combo }, sinceMs });
  }
  return attaches;
}

import type { RunnerId } from '../domain/ids.ts';
import { isCovered, minus, NO_BYTES } from './bytes.ts';
import type { PoolEffect, RestState } from './effects.ts';
import { holdsKept } from './keeps.ts';
import { missingBytes, pagesOfStart, weightNeed, withoutShared } from './memory.ts';
import { answerOrder, orderedRunner, refuseOrder } from './orderAnswers.ts';
import { hasBed, hasHostRoom, sleepRunner } from './sleep.ts';
import { wakeRunner } from './starts.ts';
import { type AsleepRunner, isIdle, type PoolState, type ReadyRunner } from './state.ts';
import { runnersWithBase } from './usable.ts';

/** An operator's order that a runner sleeps. Idempotent; `conflict` while its base is pinned or in use. */
export function orderSleep(
  state: PoolState,
  orderId: string,
  id: RunnerId,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const cannot = `Cannot put runner "${id}" to sleep`;
  const runner = orderedRunner(state, orderId, id, cannot, effects);
  if (!runner) return;
  if (runner.state === 'dozing' || runner.state === 'asleep') return answer(orderId, runner.state, effects);
  if (runner.state !== 'ready')
    return conflict(orderId, `${cannot}: it is ${runner.state}, expected ready`, effects);
  const why = whyAwake(state, runner);
  if (why) return conflict(orderId, `${cannot}: ${why}`, effects);
  sleepRunner(state, runner, nowMs, effects);
  answer(orderId, 'dozing', effects);
}

function whyAwake(state: PoolState, runner: ReadyRunner): string | null {
  if (runner.active > 0) return `it is busy, ${runner.active} requests run`;
  if (!isIdle(runner)) return 'a combo is being attached to it';
  if (holdsKept(state, runner)) return 'it is pinned';
  for (const key of runner.combos.keys()) if (state.queues.has(key)) return 'it is waited for';
  if (!hasBed(state)) return `expected at most ${state.settings.maxAsleep} runners asleep`;
  return hasHostRoom(state, runner) ? null : 'what it would keep asleep has no room in host memory';
}

/** An operator's order that a runner wakes. Idempotent; `conflict` when it has no room. */
export function orderWake(
  state: PoolState,
  orderId: string,
  id: RunnerId,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const cannot = `Cannot wake runner "${id}"`;
  const runner = orderedRunner(state, orderId, id, cannot, effects);
  if (!runner) return;
  if (runner.state === 'ready' || runner.state === 'loading') return answer(orderId, runner.state, effects);
  if (runner.state !== 'asleep')
    return conflict(orderId, `${cannot}: it is ${runner.state}, expected asleep`, effects);
  const why = whyAsleep(state, runner);
  if (why) return conflict(orderId, `${cannot}: ${why}`, effects);
  wakeRunner(state, runner, nowMs, effects);
  answer(orderId, 'loading', effects);
}

/** Nothing gives way for one that nobody waits for. */
function whyAsleep(state: PoolState, runner: AsleepRunner): string | null {
  const { model, device } = runner;
  const { maxRunners } = state.settings;
  if (runnersWithBase(state) >= maxRunners) return `expected at most ${maxRunners} runners awake`;
  const need = withoutShared(weightNeed(state, model, device), pagesOfStart(state, model, device, runner));
  const missing = missingBytes(state, need, device);
  if (isCovered(missing)) return null;
  const [part, where] =
    missing.device > 0 ? (['device', ` on device "${device}"`] as const) : (['host', ''] as const);
  const left = minus(NO_BYTES, minus(missing, need))[part];
  return `it needs ${need[part]} bytes of memory${where}, expected at most ${Math.max(0, left)}`;
}

function answer(orderId: string, state: RestState, effects: PoolEffect[]): void {
  answerOrder(orderId, { order: 'rest', state }, effects);
}

function conflict(orderId: string, message: string, effects: PoolEffect[]): void {
  refuseOrder(orderId, { code: 'conflict', message }, effects);
}

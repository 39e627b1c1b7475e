import type { PoolEffect } from './effects.ts';
import type { HangCause, PoolEvent } from './events.ts';
import { runnerFailed } from './runners.ts';
import type { PoolState } from './state.ts';

const SIGNS: Readonly<Record<HangCause, string>> = {
  silent: 'no answer to a health probe',
  stalled: 'no step of a decode that is under way',
};

/**
 * A runner that hangs is as good as gone: it is ended at once, with the connections of what runs on it. One that was to
 * end in its own time does not hear that order: nobody waits for its room any longer.
 */
export function runnerHung(
  state: PoolState,
  { runnerId, cause, forMs }: Extract<PoolEvent, { type: 'runnerHung' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const runner = state.runners.get(runnerId);
  if (!runner) return;
  const wholeMs = Math.round(forMs);
  const detail = { cause, forMs: wholeMs, state: runner.state, base: runner.model?.id ?? null };
  effects.push({ type: 'note', note: 'runner_hung', runnerId, detail });
  if (runner.state === 'stopping') {
    effects.push({ type: 'stop', runnerId, graceMs: 0, reason: 'hung' });
    return;
  }
  const what = runner.model === null ? 'a standby' : `"${runner.model.id}"`;
  const message = `Cannot start ${what}: runner hangs, ${SIGNS[cause]} for ${wholeMs} ms`;
  const failure = { code: 'start_failed', message } as const;
  runnerFailed(state, runnerId, failure, nowMs, effects, 'hung', nowMs - forMs);
}

import type { CatalogueModel } from '../domain/catalogue.ts';
import type { PoolEffect } from './effects.ts';
import type { PoolState, Runner } from './state.ts';

/**
 * Threads for a runner when `busy` runners decode: an equal share of the budget, at least 1, at most what the model
 * allows. ggml's threads spin, so more of them than cores stall every runner (FACTS.md).
 */
export function threadShare(state: PoolState, model: CatalogueModel, busy: number): number {
  const share = Math.max(1, Math.floor(state.settings.cpuThreads / Math.max(1, busy)));
  return Math.min(share, model.maxThreads ?? share);
}

/**
 * Tells the runners that decode how many threads each has now. Idle ones keep theirs: they cost nothing. Nobody's share
 * changes but with who decodes.
 */
export function shareThreads(state: PoolState, effects: PoolEffect[]): void {
  if (!state.decodersChanged) return;
  state.decodersChanged = false;
  const busy = decodingRunners(state);
  for (const runner of state.runners.values()) {
    if (!isDecoding(runner)) continue;
    const threads = threadShare(state, runner.model, busy);
    if (threads === runner.threads) continue;
    runner.threads = threads;
    effects.push({ type: 'setThreads', runnerId: runner.id, threads });
  }
}

/** How many runners decode now. */
export function decodingRunners(state: PoolState): number {
  let busy = 0;
  for (const runner of state.runners.values()) if (isDecoding(runner)) busy += 1;
  return busy;
}

export function isDecoding(runner: Runner): runner is Extract<Runner, { state: 'ready' | 'draining' }> {
  return (runner.state === 'ready' || runner.state === 'draining') && runner.active > 0;
}

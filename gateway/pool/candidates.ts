import { isKept } from './keeps.ts';
import { mayStayOn } from './plans.ts';
import type { PoolState, UsableRunner, Want } from './state.ts';
import { usableRunners } from './usable.ts';
import type { UnplacedBase } from './wants.ts';

/** The usable runners of an unplaced base. */
export function runnersOf(state: PoolState, { key }: UnplacedBase): readonly UsableRunner[] {
  return usableRunners(state).get(key) ?? [];
}

/** Those of the unplaced bases that have usable runners. No more than there are runners, however many wait. */
export function basesWithRunners(state: PoolState): UnplacedBase[] {
  const found: UnplacedBase[] = [];
  for (const key of usableRunners(state).keys()) {
    const base = state.unplaced.bases.get(key);
    if (base) found.push(base);
  }
  return found;
}

/** The runners of its base that may take it on: those that do not hold the combo already, nor only what is kept. */
export function runnersFor(
  state: PoolState,
  runners: readonly UsableRunner[],
  { combo }: Want,
): readonly UsableRunner[] {
  if (state.keeps.size === 0) return runners;
  return runners.filter(
    (runner) =>
      !runner.combos.has(combo.key) && !isFullOfKept(state, runner) && mayStayOn(state, combo, runner),
  );
}

/** Nothing on it ever gives its place to another combo. */
function isFullOfKept(state: PoolState, runner: UsableRunner): boolean {
  if (runner.combos.size < state.settings.maxCombosPerRunner) return false;
  for (const key of runner.combos.keys()) if (!isKept(state, runner, key)) return false;
  return true;
}

/** One that has a place: a ready one before one whose base is still on its way. */
export function withPlace(state: PoolState, runners: readonly UsableRunner[]): UsableRunner | undefined {
  let later: UsableRunner | undefined;
  for (const runner of runners) {
    if (runner.combos.size >= state.settings.maxCombosPerRunner) continue;
    if (runner.state === 'ready') return runner;
    later ??= runner;
  }
  return later;
}

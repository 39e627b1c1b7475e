import type { Combo } from '../domain/combo.ts';
import { isCovered } from './bytes.ts';
import { isKept } from './keeps.ts';
import { comboNeed, missingBytes } from './memory.ts';
import { mayStayOn } from './plans.ts';
import type { PoolState, UsableRunner, Want } from './state.ts';
import { usableRunners } from './usable.ts';
import type { UnplacedBase } from './wants.ts';

/** The usable runners of an unplaced base. */
export function runnersOf(state: PoolState, { key }: UnplacedBase): readonly UsableRunner[] {
  return usableRunners(state).get(key) ?? [];
}

/**
 * Those of the unplaced bases that have usable runners, in the order of these. No more than there are runners, however many
 * wait.
 */
export function basesWithRunners(state: PoolState): UnplacedBase[] {
  const usable = usableRunners(state);
  const { bases } = state.unplaced;
  if (bases.size < 2) return [...bases.values()].filter(({ key }) => usable.has(key));
  const found: UnplacedBase[] = [];
  for (const key of usable.keys()) {
    const base = bases.get(key);
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

/** What may serve one queue of a base may serve all. Not where there are devices: what is kept may not be on each of them. */
export function areAlike({ devices, keeps }: PoolState): boolean {
  return devices.size === 0 || keeps.size === 0;
}

/** Nothing on it ever gives its place to another combo. */
function isFullOfKept(state: PoolState, runner: UsableRunner): boolean {
  if (runner.combos.size < state.settings.maxCombosPerRunner) return false;
  for (const key of runner.combos.keys()) if (!isKept(state, runner, key)) return false;
  return true;
}

/**
 * One that has a place: a ready one before one whose base is still on its way. Where there are devices, whose memory is not
 * all of one, before both one that has the memory that the combo needs.
 */
export function withPlace(
  state: PoolState,
  runners: readonly UsableRunner[],
  combo?: Combo,
): UsableRunner | undefined {
  const free = runners.filter(({ combos }) => combos.size < state.settings.maxCombosPerRunner);
  if (combo && free.length > 1 && state.devices.size > 0) {
    const roomy = free.filter((runner) => hasMemory(state, runner, combo));
    if (roomy.length > 0) return firstReady(roomy);
  }
  return firstReady(free);
}

function firstReady(runners: readonly UsableRunner[]): UsableRunner | undefined {
  return runners.find((runner) => runner.state === 'ready') ?? runners[0];
}

/** The runner's device, or the host, has what one more combo takes there. */
export function hasMemory(state: PoolState, runner: UsableRunner, combo: Combo): boolean {
  const { device } = runner;
  return isCovered(missingBytes(state, comboNeed(state, combo, device, runner), device));
}

import { unavailability } from '../domain/availability.ts';
import { type Combo, parseCombo } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';
import { type ComboKey, type ComboName, comboName } from '../domain/ids.ts';
import { isUsable, type PoolState, type Runner } from './state.ts';
import { runnersOfBase } from './usable.ts';

/** How soon after a lost replica the next one is begun: doubled with each loss in a row, up to the second. */
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 60_000;

/** A replica that was ready for less than this was no sound one. */
const SOUND_AFTER_MS = 1_000;

/** A combo that is to be ready on so many runners. */
export interface Keep {
  readonly combo: Combo;
  readonly count: number;
  /** Starts that failed, or replicas that did not live, one after the other. */
  failuresInARow: number;
  retryAtMs: number;
  lastFailure: Failure | null;
}

/** Makes `keeps` out of the pins and the catalogue's minima; what is known of failures stays. */
export function reviewKeeps(state: PoolState): void {
  const keeps = new Map<ComboKey, Keep>();
  for (const [name, count] of wantedCounts(state)) {
    const parsed = parseCombo(name, [], state.catalogue);
    // A pin outlives its model: it holds again when the model, or its source, is back.
    if (!parsed.ok || unavailability(parsed.value, state.store !== null)) continue;
    const combo = parsed.value;
    const { failuresInARow, retryAtMs, lastFailure } = state.keeps.get(combo.key) ?? UNTRIED;
    keeps.set(combo.key, { combo, count, failuresInARow, retryAtMs, lastFailure });
  }
  state.keeps = keeps;
}

const UNTRIED = { failuresInARow: 0, retryAtMs: Number.NEGATIVE_INFINITY, lastFailure: null };

function wantedCounts({ pins, catalogue }: PoolState): Map<ComboName, number> {
  const counts = new Map<ComboName, number>();
  const want = (name: ComboName, count: number): void => {
    if (count > 0) counts.set(name, Math.max(count, counts.get(name) ?? 0));
  };
  for (const pin of pins.values()) if (pin.level === 'ready') want(pin.name, pin.count);
  for (const { id, minRunners } of catalogue.models.values()) want(comboName(id), minRunners);
  for (const [name, { minRunners }] of catalogue.scaling) want(name, minRunners);
  return counts;
}

/**
 * The runner is one of those that a keep counts on: of those that serve the combo the oldest ones, then those that will.
 * What is kept leaves neither by pressure nor by idleness.
 */
export function isKept(state: PoolState, runner: Runner, key: ComboKey): boolean {
  const keep = state.keeps.get(key);
  const own = keep && rankOf(runner, key);
  if (!own) return false;
  let before = 0;
  let isYounger = true;
  for (const one of runnersOfBase(state, keep.combo.model)) {
    if (one.id === runner.id) isYounger = false;
    else {
      const rank = rankOf(one, key);
      if (rank > own || (rank === own && isYounger)) before += 1;
    }
  }
  return before < keep.count;
}

/** 2: serves the combo; 1: will; 0: does not. */
function rankOf(runner: Runner, key: ComboKey): 0 | 1 | 2 {
  const slot = runner.combos.get(key);
  if (!slot || !isUsable(runner)) return 0;
  if (slot.state === 'ready') return 2;
  return slot.state === 'wanted' || slot.state === 'attaching' ? 1 : 0;
}

/** The runner holds something that is kept. */
export function holdsKept(state: PoolState, runner: Runner): boolean {
  if (state.keeps.size === 0) return false;
  for (const key of runner.combos.keys()) if (isKept(state, runner, key)) return true;
  return false;
}

/** A start of the combo has failed: the next one is put off. */
export function keepFailed(state: PoolState, key: ComboKey, failure: Failure, nowMs: number): void {
  const keep = state.keeps.get(key);
  if (!keep) return;
  keep.failuresInARow += 1;
  keep.retryAtMs = nowMs + Math.min(FIRST_RETRY_MS * 2 ** (keep.failuresInARow - 1), LAST_RETRY_MS);
  keep.lastFailure = failure;
}

/** A runner that had the combo ready since then is lost. The next start is begun at once, unless it had hardly lived. */
export function keepLost(
  state: PoolState,
  key: ComboKey,
  readyMs: number,
  failure: Failure,
  nowMs: number,
): void {
  if (nowMs - readyMs < SOUND_AFTER_MS) return keepFailed(state, key, failure, nowMs);
  const keep = state.keeps.get(key);
  if (keep) Object.assign(keep, UNTRIED);
}

import { expect } from 'vitest';
import type { Combo } from '../../gateway/domain/combo.ts';
import type { ComboKey } from '../../gateway/domain/ids.ts';
import type { PoolEvent } from '../../gateway/pool/events.ts';
import { holdersOf, readyHolders } from '../../gateway/pool/holders.ts';
import { maxRunnersOf } from '../../gateway/pool/scaling.ts';
import { isUsable, type PoolState } from '../../gateway/pool/state.ts';

/** Events that may cost what is kept a runner. Time may, too: a start or a detach that hangs is given up. */
const TAKES_RUNNERS: ReadonlySet<PoolEvent['type']> = new Set([
  'runnerExited',
  'runnerFailed',
  'runnerHung',
  'comboFailed',
  'catalogueChanged',
  'drainAsked',
  'shutdownAsked',
]);

/** On how many runners each kept combo is, or is being started, up to how many it is kept on. */
export function keptRunners(state: PoolState): Map<ComboKey, number> {
  const kept = new Map<ComboKey, number>();
  for (const [key, { combo, count }] of state.keeps) {
    const serving = holdersOf(state, combo).filter(
      ({ slot }) => slot.state !== 'detaching' && slot.state !== 'draining',
    );
    kept.set(key, Math.min(count, serving.length));
  }
  return kept;
}

/** Neither pressure nor idleness nor what clients ask for takes a runner from what is kept. */
export function checkKept(state: PoolState, event: PoolEvent, before: ReadonlyMap<ComboKey, number>): void {
  if (TAKES_RUNNERS.has(event.type)) return;
  for (const [key, count] of keptRunners(state)) {
    const had = Math.min(before.get(key) ?? 0, state.keeps.get(key)?.count ?? 0);
    if (count < had) expect.fail(`takes a runner from "${key}", which is kept (${event.type})`);
  }
}

/** Combos that are ready on fewer runners than they are kept on. */
export function missingReplicas(state: PoolState): string[] {
  const keeps = [...state.keeps.values()];
  const missing = keeps.filter(({ combo, count }) => readyHolders(state, combo).length < count);
  return missing.map(({ combo }) => combo.name);
}

/** On how many usable runners each combo is. */
export function heldCounts(state: PoolState): Map<ComboKey, number> {
  const counts = new Map<ComboKey, number>();
  for (const { key } of heldCombos(state)) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

function heldCombos(state: PoolState): Combo[] {
  return [...state.runners.values()]
    .filter(isUsable)
    .flatMap(({ combos }) => [...combos.values()].map(({ combo }) => combo));
}

/**
 * No combo is spread over more runners than it may be, or is kept on; a tick may pack what is kept, which is on the older
 * one before it leaves the newer one (packing.ts).
 */
export function checkSpread(state: PoolState, event: PoolEvent, before: ReadonlyMap<ComboKey, number>): void {
  const combos = new Map(heldCombos(state).map((combo) => [combo.key, combo]));
  for (const [key, count] of heldCounts(state)) {
    if (count <= Math.max(1, before.get(key) ?? 0)) continue;
    const combo = combos.get(key);
    const kept = state.keeps.get(key)?.count ?? 0;
    const packed = kept > 0 && event.type === 'tick' ? kept + 1 : kept;
    const most = Math.max(combo ? maxRunnersOf(state, combo) : 1, packed);
    if (count > most) expect.fail(`spreads "${key}" over ${count} runners, expected at most ${most}`);
  }
}

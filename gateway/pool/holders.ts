import type { Combo } from '../domain/combo.ts';
import type { ComboKey, RunnerId } from '../domain/ids.ts';
import type { ComboSlot, ReadySlot } from './slots.ts';
import { isUsable, type PoolState, type ReadyRunner, type UsableRunner } from './state.ts';
import { runnersOfBase } from './usable.ts';

// A combo is only ever on runners of its base at its revision, which the index of usable.ts has: no others are looked at.

/** A usable runner with a slot for a combo. */
export interface Holder {
  readonly runner: UsableRunner;
  readonly slot: ComboSlot;
}

/** One that serves. */
export interface ReadyHolder {
  readonly runner: ReadyRunner;
  readonly slot: ReadySlot;
}

/** All that have a slot for the combo, those that are letting it go too; the oldest runner first. */
export function holdersOf(state: PoolState, { key, model }: Combo): Holder[] {
  const holders: Holder[] = [];
  for (const runner of runnersOfBase(state, model)) {
    const slot = runner.combos.get(key);
    if (slot) holders.push({ runner, slot });
  }
  return holders;
}

/** Some usable runner has a slot for the combo. */
export function isHeld(state: PoolState, { key, model }: Combo): boolean {
  return runnersOfBase(state, model).some(({ combos }) => combos.has(key));
}

/** Those that serve the combo. */
export function readyHolders(state: PoolState, { key, model }: Combo): ReadyHolder[] {
  const holders: ReadyHolder[] = [];
  for (const runner of runnersOfBase(state, model)) {
    if (runner.state !== 'ready') continue;
    const slot = runner.combos.get(key);
    if (slot?.state === 'ready') holders.push({ runner, slot });
  }
  return holders;
}

/** The holder that serves or will soonest: a ready one, else the start that began first; one that lets go is none. */
export function bestHolder(state: PoolState, { key, model }: Combo): Holder | undefined {
  let starting: Holder | undefined;
  for (const runner of runnersOfBase(state, model)) {
    const slot = runner.combos.get(key);
    if (slot?.state === 'ready') return { runner, slot };
    if (slot?.state === 'wanted' || slot?.state === 'attaching') starting ??= { runner, slot };
  }
  return starting;
}

/** The slot for the combo on that runner, when it serves or will. */
export function holderOn(state: PoolState, key: ComboKey, id: RunnerId): Holder | undefined {
  const runner = state.runners.get(id);
  const slot = runner?.combos.get(key);
  if (!runner || !slot || !isUsable(runner)) return undefined;
  return slot.state === 'draining' || slot.state === 'detaching' ? undefined : { runner, slot };
}

import type { CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { Capacity } from '../domain/errors.ts';
import { allContextBytes } from './contexts.ts';
import type { ComboSlot, Measured, PoolState, Runner } from './state.ts';

/**
 * Host memory as arithmetic. What a base or a combo needs is predicted from its file and corrected by what the last
 * runner of that base measured; what a runner holds counts from the order to start it until its process has gone.
 */

/** Weights of the base. What goes to a device takes none of the host's memory. */
export function weightNeed(state: PoolState, model: CatalogueModel): number {
  if (isOnDevice(state, model)) return 0;
  return measuredOf(state, model)?.weightBytes ?? model.weightBytes;
}

/** One more combo on a base: a context of its own, or a share of one where the base's KV budget is used up. */
export function comboNeed(state: PoolState, { model }: Combo, runner?: Runner): number {
  if (isOnDevice(state, model)) return 0;
  const kvBytes = model.kvBytesPerToken * model.contextTokens * model.sequences;
  const need = measuredOf(state, model)?.contextBytes ?? kvBytes + model.computeBytes;
  if (model.kvBudgetBytes === null || !runner || runner.combos.size === 0) return need;
  return slotsBytes(runner) + need > model.kvBudgetBytes ? 0 : need;
}

/** What a context that is there takes of the host's memory. */
export function hostBytes(state: PoolState, model: CatalogueModel, bytes: number): number {
  return isOnDevice(state, model) ? 0 : bytes;
}

/** What serving the combo takes in all, when nothing else is there. */
export function wholeNeed(state: PoolState, combo: Combo): number {
  return weightNeed(state, combo.model) + comboNeed(state, combo);
}

/** Held, or promised to a start under way. */
export function heldBytes(state: PoolState, runner: Runner): number {
  switch (runner.state) {
    case 'standby':
      return 0;
    case 'starting':
    case 'loading':
      return (runner.model === null ? 0 : weightNeed(state, runner.model)) + slotsBytes(runner);
    case 'ready':
      return (isOnDevice(state, runner.model) ? 0 : runner.weightBytes) + slotsBytes(runner);
    case 'draining':
      return (
        (isOnDevice(state, runner.model) ? 0 : runner.weightBytes) + slotsBytes(runner) + runner.leavingBytes
      );
    case 'stopping':
      return runner.heldBytes;
  }
}

/** Negative when runners turned out to hold more than was predicted. */
export function freeBytes(state: PoolState): number {
  let free = state.settings.memoryBytes;
  for (const runner of state.runners.values()) free -= heldBytes(state, runner);
  return free;
}

/** What comes free by itself soon: runners that stop, combos that are being detached. */
export function comingBytes(state: PoolState): number {
  let coming = 0;
  for (const runner of state.runners.values())
    coming += runner.state === 'stopping' ? runner.heldBytes : detachingBytes(runner);
  return coming;
}

/** What comes free when the runner goes, beside what it is giving back already. */
export function gainBytes(state: PoolState, runner: Runner): number {
  return heldBytes(state, runner) - detachingBytes(runner);
}

function detachingBytes(runner: Runner): number {
  let bytes = 0;
  for (const slot of runner.combos.values()) if (slot.state === 'detaching') bytes += slotBytes(slot);
  return bytes;
}

export function slotBytes(slot: ComboSlot): number {
  return slot.state === 'ready' || slot.state === 'draining' ? allContextBytes(slot) : slot.bytes;
}

/** Of all combos on the runner. */
export function slotsBytes(runner: Runner): number {
  let bytes = 0;
  for (const slot of runner.combos.values()) bytes += slotBytes(slot);
  return bytes;
}

/** The base is there and has been measured; its contexts have not, or were under its last revision. */
export function measureWeights(
  state: PoolState,
  { id, revision }: CatalogueModel,
  weightBytes: number,
): void {
  const before = state.measured.get(id);
  const contextBytes = before?.revision === revision ? before.contextBytes : null;
  state.measured.set(id, { revision, weightBytes, contextBytes });
}

/** A combo without KV cache shares a context, which says nothing of what one takes. */
export function measureContext(
  state: PoolState,
  model: CatalogueModel,
  kvBytes: number,
  computeBytes: number,
): void {
  const before = measuredOf(state, model);
  if (before && kvBytes > 0)
    state.measured.set(model.id, { ...before, contextBytes: kvBytes + computeBytes });
}

function measuredOf(state: PoolState, model: CatalogueModel): Measured | undefined {
  const measured = state.measured.get(model.id);
  return measured?.revision === model.revision ? measured : undefined;
}

/** Device memory has no budget yet. Layers that are meant for a device stay on the host where there is none. */
export function isOnDevice(state: PoolState, model: CatalogueModel): boolean {
  return state.settings.hasDevice && model.deviceLayers !== 0;
}

/** What there is, and who has how much of that. */
export function capacityOf(state: PoolState): Pick<Capacity, 'budgetBytes' | 'inUse'> {
  const inUse = [...state.runners.values()]
    .map((runner) => ({
      runner: runner.id,
      base: runner.model?.id ?? null,
      bytes: heldBytes(state, runner),
    }))
    .filter(({ bytes }) => bytes > 0);
  return { budgetBytes: state.settings.memoryBytes, inUse };
}

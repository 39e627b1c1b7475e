import type { CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { DeviceName } from '../domain/ids.ts';
import { type Bytes, minus, NO_BYTES, type Part, plus, split } from './bytes.ts';
import { deviceContextBytes, deviceShare } from './devices.ts';
import {
  bytesThere,
  carriedBytes,
  comingPages,
  freedPages,
  type PagesNeed,
  pagesNeed,
  pagesOf,
  sharedBytes,
} from './pages.ts';
import { type ComboSlot, slotBytes } from './slots.ts';
import type { Measured, PoolState, ReadyRunner, Runner, UsableRunner, Want } from './state.ts';

/**
 * Memory as arithmetic: a budget for the host, one for each device, and each runner takes of the host's and of that of the
 * device that it is on. What a base or a combo needs is predicted from its file and corrected by what the last runner of
 * that base measured; what a runner holds counts from the order to start it until its process has gone. Weights that several
 * map count once: for the one that carries them (pages.ts).
 */

/** Weights of the base on a runner of that device; null: of none. */
export function weightNeed(state: PoolState, model: CatalogueModel, device: DeviceName | null): Bytes {
  return measuredOf(state, model, device)?.weights ?? split(model.weightBytes, deviceShare(model, device));
}

/**
 * One more combo on a base: a context of its own, or a share of one where the base's KV budget is used up. `runner`: the
 * one that takes it on.
 */
export function comboNeed(
  state: PoolState,
  { model }: Combo,
  device: DeviceName | null,
  runner?: Runner,
): Bytes {
  const need = contextNeed(state, model, device);
  if (model.kvBudgetBytes === null || !runner || runner.combos.size === 0) return need;
  const held = slotsBytes(runner, 'host') + slotsBytes(runner, 'device');
  return held + need.host + need.device > model.kvBudgetBytes ? NO_BYTES : need;
}

function contextNeed(state: PoolState, model: CatalogueModel, device: DeviceName | null): Bytes {
  const measured = measuredOf(state, model, device)?.context;
  if (measured) return measured;
  const kvBytes = model.kvBytesPerToken * model.contextTokens * model.sequences;
  return split(kvBytes + model.computeBytes, deviceShare(model, device));
}

/** What serving the combo takes in all, when nothing else is there: with the process's own context on the device. */
export function wholeNeed(state: PoolState, combo: Combo, device: DeviceName | null): Bytes {
  const base = plus(weightNeed(state, combo.model, device), comboNeed(state, combo, device));
  return { host: base.host, device: base.device + deviceContextBytes(state, { device }) };
}

/** What a start of the base is going to map, if others may map the same. `sleeper`: the one that is to wake. */
export function pagesOfStart(
  state: PoolState,
  model: CatalogueModel,
  device: DeviceName | null,
  sleeper: Pick<Runner, 'id' | 'model'> | null,
): PagesNeed | null {
  return pagesNeed(state, model, device, weightNeed(state, model, device).host, sleeper);
}

/** Of `need`, of a runner of the base that is to start, what has to be there yet: not what others have mapped. */
export function withoutShared(need: Bytes, pages: PagesNeed | null): Bytes {
  return { host: need.host - bytesThere(pages), device: need.device };
}

/** Held, or promised to a start under way. Of weights that it shares all, or nothing. */
export function heldBytes(state: PoolState, runner: Runner, part: Part): number {
  return ownBytes(state, runner, part) + (part === 'host' ? carriedBytes(state, runner) : 0);
}

/** Without weights that it shares. */
function ownBytes(state: PoolState, runner: Runner, part: Part): number {
  const own = part === 'device' ? deviceContextBytes(state, runner) : 0;
  switch (runner.state) {
    case 'standby':
    case 'starting':
    case 'loading': {
      const kept = runner.state === 'loading' && part === 'host' ? runner.keptBytes : 0;
      const hasOwn = runner.model !== null && !pagesOf(state, runner);
      const weights = hasOwn ? weightNeed(state, runner.model, runner.device)[part] : 0;
      return own + kept + weights + slotsBytes(runner, part);
    }
    case 'ready':
      return own + ownWeights(state, runner, part) + slotsBytes(runner, part);
    case 'draining':
      return own + ownWeights(state, runner, part) + slotsBytes(runner, part) + runner.leavingBytes[part];
    case 'asleep':
      return part === 'host' ? runner.keptBytes : own;
    case 'dozing':
    case 'stopping':
      return runner.heldBytes[part];
  }
}

function ownWeights(
  state: PoolState,
  runner: Extract<Runner, { state: 'ready' | 'draining' }>,
  part: Part,
): number {
  return pagesOf(state, runner) ? 0 : runner.weights[part];
}

/** Held by it, without weights that it shares. */
export function allOwnBytes(state: PoolState, runner: Runner): Bytes {
  return { host: ownBytes(state, runner, 'host'), device: ownBytes(state, runner, 'device') };
}

/** Of the device, what serving the combo takes there; 0 without a device, and while the runner starts. */
export function servingBytes(runner: UsableRunner, slot: ComboSlot): number {
  if (runner.device === null || runner.state !== 'ready') return 0;
  return runner.weights.device + slotBytes(slot, 'device');
}

/** Of the device's budget, of the host's without one. Negative when runners turned out to hold more than was predicted. */
export function freeBytes(state: PoolState, device: DeviceName | null = null): number {
  if (device === null) {
    let free = state.settings.memoryBytes - sharedBytes(state);
    for (const runner of state.runners.values()) free -= ownBytes(state, runner, 'host');
    return free;
  }
  let free = state.devices.get(device)?.budgetBytes ?? 0;
  for (const runner of state.runners.values())
    if (runner.device === device) free -= heldBytes(state, runner, 'device');
  return free;
}

/** Of the need what is not there for a runner on that device; negative: what is left. */
export function missingBytes(state: PoolState, need: Bytes, device: DeviceName | null): Bytes {
  const host = need.host - freeBytes(state, null);
  return { host, device: device === null ? 0 : need.device - freeBytes(state, device) };
}

/**
 * What comes free by itself soon: runners that stop or fall asleep, combos that are being detached. `claim`: for whom; what
 * its own start is going to share does not come free.
 */
export function comingBytes(state: PoolState, device: DeviceName | null, claim: MemoryClaim | null): Bytes {
  let host = comingPages(state, pagesOfClaim(state, device, claim));
  let onDevice = 0;
  for (const runner of state.runners.values()) {
    host += comingFrom(state, runner, 'host');
    if (runner.device === device) onDevice += comingFrom(state, runner, 'device');
  }
  return { host, device: onDevice };
}

function comingFrom(state: PoolState, runner: Runner, part: Part): number {
  if (runner.state === 'stopping') return runner.heldBytes[part];
  if (runner.state === 'dozing') return runner.heldBytes[part] - asleepBytes(state, runner)[part];
  return runner.combos.sums.detaching[part];
}

/** What a runner holds while it sleeps: the file's pages that were on the device, and its own context there. */
export function asleepBytes(
  state: PoolState,
  { model, device }: Pick<ReadyRunner, 'model' | 'device'>,
): Bytes {
  return { host: weightNeed(state, model, device).device, device: deviceContextBytes(state, { device }) };
}

/** For whom memory is made: it goes before all that arrived later. */
export interface MemoryClaim {
  readonly want: Want;
  /** The one that is to have the combo, which stays. */
  readonly runner: Runner | undefined;
}

/** What the start that the claim is for shares with others. */
export function pagesOfClaim(
  state: PoolState,
  device: DeviceName | null,
  claim: MemoryClaim | null,
): PagesNeed | null {
  if (!claim) return null;
  const sleeper = claim.runner?.state === 'asleep' ? claim.runner : null;
  return pagesOfStart(state, claim.want.combo.model, device, sleeper);
}

/** What comes free when the runner goes, beside what it is giving back already: what it alone holds. */
export function gainBytes(state: PoolState, runner: Runner): Bytes {
  const own = minus(allOwnBytes(state, runner), runner.combos.sums.detaching);
  return { host: own.host + freedPages(state, [runner], () => false, null), device: own.device };
}

/** Of all combos on the runner. */
export function slotsBytes({ combos }: Runner, part: Part): number {
  return combos.sums.all[part];
}

/** The base is there and has been measured; its contexts have not, or were under its last revision. */
export function measureWeights(
  state: PoolState,
  { id, revision }: CatalogueModel,
  device: DeviceName | null,
  weights: Bytes,
): void {
  const onDevice = device !== null;
  const before = state.measured.get(id);
  const isSame = before?.revision === revision && before.onDevice === onDevice;
  state.measured.set(id, { revision, onDevice, weights, context: isSame ? before.context : null });
}

/** A combo without KV cache shares a context, which says nothing of what one takes. */
export function measureContext(
  state: PoolState,
  model: CatalogueModel,
  device: DeviceName | null,
  context: Bytes,
): void {
  const before = measuredOf(state, model, device);
  if (before) state.measured.set(model.id, { ...before, context });
}

function measuredOf(
  state: PoolState,
  model: CatalogueModel,
  device: DeviceName | null,
): Measured | undefined {
  const measured = state.measured.get(model.id);
  const isLike = measured?.revision === model.revision && measured.onDevice === (device !== null);
  return isLike ? measured : undefined;
}

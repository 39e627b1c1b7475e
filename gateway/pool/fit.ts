import { storedBytesOf } from '../domain/catalogue.ts';
import { type Combo, parseCombo } from '../domain/combo.ts';
import type { Capacity, Failure } from '../domain/errors.ts';
import type { ComboKey, DeviceName } from '../domain/ids.ts';
import { minus, totalOf } from './bytes.ts';
import { budgetBytes, capacityOf } from './capacity.ts';
import { devicesFor, wantsDevice } from './devices.ts';
import { holdsKept, isKept, type Keep } from './keeps.ts';
import { comboNeed, heldBytes, wholeNeed } from './memory.ts';
import type { Pin } from './pins.ts';
import { fits, overfullDevice, type Plan, planOf } from './plans.ts';
import { allSlotBytes } from './slots.ts';
import { baseKey, type PoolState, type Runner } from './state.ts';

/**
 * The kept combos that fit together, in their order. All, unless the configuration asks for too much: the others are not
 * begun, or whoever waits would wait behind them for ever.
 */
export function affordableKeeps(state: PoolState): ReadonlySet<ComboKey> {
  const affordable = new Set<ComboKey>();
  const kept: Keep[] = [];
  for (const [key, keep] of state.keeps) {
    if (!fits(state, planOf(state, [...kept, keep]))) continue;
    kept.push(keep);
    affordable.add(key);
  }
  return affordable;
}

/** Where the combo could have a place when everything else but what is kept had gone. */
export function canFit(state: PoolState, combo: Combo): boolean {
  if (!fitsAlone(state, combo)) return false;
  if (state.keeps.size === 0 || state.keeps.has(combo.key)) return true;
  if (fits(state, planOf(state, [...state.keeps.values(), { combo, count: 1 }]))) return true;
  const kept = planOf(state, state.keeps.values());
  if (fitsApart(state, combo, kept)) return true;
  // What is kept by configuration may be too much by itself: then nobody else is refused for it.
  return !fits(state, kept);
}

/** On a runner of its own, on a device where what is kept leaves room for one. */
function fitsApart(state: PoolState, combo: Combo, kept: Plan): boolean {
  return kept.runners < state.settings.maxRunners && fitsSomeDevice(state, combo, kept);
}

function fitsAlone(state: PoolState, combo: Combo): boolean {
  if (!wantsDevice(state, combo.model))
    return wholeNeed(state, combo, null).host <= state.settings.memoryBytes;
  return fitsSomeDevice(state, combo, null);
}

/** One of the devices that it may be on, and the host, have all that it needs; beside what is kept, null: beside nothing. */
function fitsSomeDevice(state: PoolState, combo: Combo, kept: Plan | null): boolean {
  return devicesFor(state, combo.model).some(({ name, budgetBytes: most }) => {
    const { host, device } = wholeNeed(state, combo, name);
    if ((kept?.bytes.host ?? 0) + host > state.settings.memoryBytes) return false;
    return (kept?.devices.get(name) ?? 0) + device <= most;
  });
}

/**
 * The same as things lie: what is kept stays where it is, and all else on the device may go. A combo that is kept is
 * wanted there in any case.
 */
export function mayGetRoom(state: PoolState, combo: Combo): boolean {
  return devicesFor(state, combo.model).some(({ name, budgetBytes: most }) => {
    const kept = keptOn(state, name);
    const isThere = kept.runners.some(({ model }) => model && baseKey(model) === baseKey(combo.model));
    const need = isThere ? comboNeed(state, combo, name) : wholeNeed(state, combo, name);
    return kept.bytes + need.device <= most;
  });
}

/** Runners on the device with something that is kept, and what of them stays. */
function keptOn(
  state: PoolState,
  device: DeviceName,
): { readonly bytes: number; readonly runners: Runner[] } {
  const runners: Runner[] = [];
  let bytes = 0;
  for (const runner of state.runners.values()) {
    if (runner.device !== device || !holdsKept(state, runner)) continue;
    runners.push(runner);
    bytes += heldBytes(state, runner, 'device');
    for (const [key, slot] of runner.combos)
      if (!isKept(state, runner, key)) bytes -= allSlotBytes(slot).device;
  }
  return { bytes, runners };
}

/** Why a combo cannot be started, as arithmetic: what it takes, what there is, who has how much, what is kept. */
export function capacityFailure(state: PoolState, combo: Combo): Failure {
  const { devices, device } = shortestOf(state, combo);
  const needOn = (name: DeviceName | null): number =>
    name === null ? wholeNeed(state, combo, devices[0] ?? null).host : wholeNeed(state, combo, name).device;
  const neededBytes = needOn(device);
  const others = [null, ...devices]
    .filter((name) => name !== device)
    .map((name) => ({ device: name, neededBytes: needOn(name) }));
  const capacity = capacityOf(state, device, neededBytes, others, pinnedRows(state));
  const what = `Cannot start "${combo.name}": it needs ${neededBytes} bytes of memory`;
  const where = device === null ? '' : ` on device "${device}"`;
  const mostBytes = budgetBytes(state, device);
  if (neededBytes > mostBytes) {
    const message = `${what}${where}, expected at most ${mostBytes}`;
    return { code: 'no_capacity', message, isPermanent: true, capacity };
  }
  const message = `${what}${where} and a runner, which the pins do not leave`;
  return { code: 'no_capacity', message, capacity };
}

/** Of the budgets that the combo needs the one that it fits into the least. */
function shortestOf(
  state: PoolState,
  combo: Combo,
): { readonly devices: readonly DeviceName[]; readonly device: DeviceName | null } {
  const { model } = combo;
  if (!wantsDevice(state, model)) return { devices: [], device: null };
  const devices = devicesFor(state, model)
    .toSorted((a, b) => b.budgetBytes - a.budgetBytes)
    .map(({ name }) => name);
  const [largest] = devices;
  if (largest === undefined) return { devices, device: model.device };
  const isHostShort = wholeNeed(state, combo, largest).host > state.settings.memoryBytes;
  return { devices, device: isHostShort ? null : largest };
}

/** Why the combo cannot be pinned so together with all other pins; null when it can. */
export function pinConflict(
  state: PoolState,
  combo: Combo,
  { level, count }: Pick<Pin, 'level' | 'count'>,
): Failure | null {
  const { memoryBytes, maxRunners } = state.settings;
  const others = [...state.keeps.values()].filter((keep) => keep.combo.key !== combo.key);
  const kept = level === 'ready' ? [...others, { combo, count }] : others;
  const stagedBytes = stagedNeed(state, combo.name, kept);
  const before = planOf(state, others);
  const wanted = planOf(state, kept);
  const own = minus(wanted.bytes, before.bytes);
  const hostBytes = level === 'ready' ? own.host : stagedOf(combo, others);
  const total = before.bytes.host + stagedBytes + hostBytes;
  // What is only staged takes no runner yet, but nothing is staged for more of them than there may be.
  const runners = level === 'ready' ? wanted.runners : count;
  const device = overfullDevice(state, wanted);
  if (total <= memoryBytes && runners <= maxRunners && device === null) return null;
  const what = `Cannot pin "${combo.name}" on ${count} runner${count === 1 ? '' : 's'}`;
  const refuse = (why: string, on: DeviceName | null, neededBytes: number): Failure => {
    const capacity = capacityOf(state, on, neededBytes, [], pinnedRows(state));
    return { code: 'conflict', message: `${what}: ${why}`, capacity };
  };
  if (total > memoryBytes) {
    const leftBytes = Math.max(0, memoryBytes - before.bytes.host - stagedBytes);
    const why = `it needs ${hostBytes} bytes of memory, expected at most ${leftBytes} beside the other pins`;
    return refuse(why, null, hostBytes);
  }
  if (device !== null) {
    const leftBytes = Math.max(0, budgetBytes(state, device) - (before.devices.get(device) ?? 0));
    const why = `it needs ${own.device} bytes of device memory, expected at most ${leftBytes} on "${device}" beside the other pins`;
    return refuse(why, device, own.device);
  }
  const why = `${level === 'ready' ? 'with the other pins that makes' : 'it is to be staged for'} ${runners} runners, expected at most ${maxRunners}`;
  return refuse(why, null, hostBytes);
}

/** What each of the kept combos takes of all budgets, in their order: what a base takes is told with its first. */
export function pinnedRows(state: PoolState): NonNullable<Capacity['pinned']> {
  const rows: { combo: string; count: number; bytes: number }[] = [];
  const kept: { combo: Combo; count: number }[] = [];
  let before = 0;
  for (const { combo, count } of state.keeps.values()) {
    kept.push({ combo, count });
    const bytes = totalOf(planOf(state, kept).bytes);
    rows.push({ combo: combo.name, count, bytes: bytes - before });
    before = bytes;
  }
  return rows;
}

/** What the files of other staged pins take, beside the bases that are kept ready. */
function stagedNeed(state: PoolState, but: string, kept: readonly { combo: Combo }[]): number {
  let bytes = 0;
  for (const { name, level } of state.pins.values()) {
    const parsed = level === 'staged' && name !== but ? parseCombo(name, [], state.catalogue) : null;
    if (parsed?.ok) bytes += stagedOf(parsed.value, kept);
  }
  return bytes;
}

function stagedOf({ model, adapters }: Combo, kept: readonly { combo: Combo }[]): number {
  const isReady = kept.some(({ combo }) => baseKey(combo.model) === baseKey(model));
  let bytes = isReady ? 0 : storedBytesOf(model);
  for (const { adapter } of adapters) bytes += adapter.weightBytes;
  return bytes;
}

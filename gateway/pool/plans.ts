import type { CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { ComboKey, DeviceName, SegmentKey } from '../domain/ids.ts';
import { type Bytes, NO_BYTES, plus, totalOf } from './bytes.ts';
import { anyDevice, deviceContextBytes, devicesFor } from './devices.ts';
import { comboNeed, weightNeed } from './memory.ts';
import { pagesKey } from './pages.ts';
import { baseKey, type PoolState } from './state.ts';
import { runnersOfBase } from './usable.ts';

/** What is to be ready together. */
export interface Plan {
  readonly bytes: Bytes;
  readonly runners: number;
  /** What each device has to give for it. */
  readonly devices: ReadonlyMap<DeviceName, number>;
}

interface Share {
  readonly model: CatalogueModel;
  readonly device: DeviceName | null;
  readonly keys: ComboKey[];
  /** Of each combo: on how many runners. */
  readonly counts: number[];
  combos: Bytes;
}

/** Runners of a base that are still to be given a device, each of which takes so many bytes of it. */
interface Apart {
  readonly share: Share;
  readonly bytes: number;
  count: number;
}

type Kept = Iterable<{ readonly combo: Combo; readonly count: number }>;

/** A runner that is there, or one that is to be started. */
interface Place {
  readonly model: CatalogueModel;
  readonly device: DeviceName | null;
}

/**
 * Memory and runners that combos take together: those of one base share runners, each on as many as it counts. `begun`:
 * where one of them is going to be.
 */
export function planOf(state: PoolState, kept: Kept, begun?: Place): Plan {
  const shares = sharesOf(state, kept);
  const devices = new Map<DeviceName, number>();
  const apart: Apart[] = [];
  const mapped = new Map<SegmentKey, number>();
  let bytes = NO_BYTES;
  let runners = 0;
  for (const share of shares) {
    const needed = runnersNeeded(share, state.settings.maxCombosPerRunner);
    runners += needed;
    const own = bytesOf(state, share, needed);
    bytes = plus(bytes, own);
    noteMapped(state, share, mapped);
    if (share.device !== null) apart.push({ share, bytes: Math.ceil(own.device / needed), count: needed });
  }
  for (const shared of mapped.values()) bytes = plus(bytes, { host: shared, device: 0 });
  for (const one of apart) {
    for (const { device } of placedRunners(state, one.share, begun).slice(0, one.count)) {
      add(devices, device, one.bytes);
      one.count -= 1;
    }
  }
  // Those that have no choice, then the largest first, each where most is left.
  const isFree = ({ share }: Apart): number => Number(share.model.device === null);
  const inOrder = apart.toSorted((a, b) => isFree(a) - isFree(b) || b.bytes - a.bytes);
  for (const { share, bytes: each, count } of inOrder)
    for (let at = 0; at < count; at += 1) add(devices, roomiest(state, share.model, devices), each);
  return { bytes, runners, devices };
}

function sharesOf(state: PoolState, kept: Kept): Iterable<Share> {
  const shares = new Map<string, Share>();
  for (const { combo, count } of kept) {
    const { model } = combo;
    const key = baseKey(model);
    const known = shares.get(key);
    const device = known ? known.device : anyDevice(state, model);
    const share = known ?? { model, device, keys: [], counts: [], combos: NO_BYTES };
    const need = comboNeed(state, combo, device);
    share.keys.push(combo.key);
    share.counts.push(count);
    share.combos = plus(share.combos, { host: count * need.host, device: count * need.device });
    shares.set(key, share);
  }
  return shares.values();
}

function runnersNeeded({ counts }: Share, maxCombosPerRunner: number): number {
  let most = 0;
  let all = 0;
  for (const count of counts) {
    most = Math.max(most, count);
    all += count;
  }
  return Math.max(most, Math.ceil(all / maxCombosPerRunner));
}

/** Of a file that runners map together, also those of several bases, the most that one of them maps. */
function noteMapped(state: PoolState, { model, device }: Share, mapped: Map<SegmentKey, number>): void {
  const key = pagesKey(model, device);
  if (key !== null) mapped.set(key, Math.max(mapped.get(key) ?? 0, weightNeed(state, model, device).host));
}

/** Without weights that they share. */
function bytesOf(state: PoolState, { model, device, combos }: Share, runners: number): Bytes {
  const weights = pagesKey(model, device) === null ? weightNeed(state, model, device) : NO_BYTES;
  const own = deviceContextBytes(state, { device });
  const all = totalOf(combos);
  // Past the base's KV budget combos share contexts.
  const most = model.kvBudgetBytes === null ? all : Math.min(all, runners * model.kvBudgetBytes);
  const held = (part: number): number => (all === 0 ? 0 : Math.ceil((part * most) / all));
  return {
    host: runners * weights.host + held(combos.host),
    device: runners * (weights.device + own) + held(combos.device),
  };
}

/** What is kept on one stays where it is. */
function placedRunners(state: PoolState, { model, keys }: Share, begun: Place | undefined): Place[] {
  const placed: Place[] = runnersOfBase(state, model).filter(({ combos }) =>
    keys.some((key) => combos.has(key)),
  );
  const isNew = begun && baseKey(begun.model) === baseKey(model) && !placed.includes(begun);
  if (isNew) placed.push(begun);
  return placed;
}

function roomiest(
  state: PoolState,
  model: CatalogueModel,
  taken: ReadonlyMap<DeviceName, number>,
): DeviceName | null {
  let best: DeviceName | null = model.device;
  let most = Number.NEGATIVE_INFINITY;
  for (const { name, budgetBytes } of devicesFor(state, model)) {
    const left = budgetBytes - (taken.get(name) ?? 0);
    if (left <= most) continue;
    best = name;
    most = left;
  }
  return best;
}

function add(devices: Map<DeviceName, number>, device: DeviceName | null, bytes: number): void {
  if (device !== null) devices.set(device, (devices.get(device) ?? 0) + bytes);
}

/** The first device that has less than the plan takes of it; null: none. */
export function overfullDevice(state: PoolState, { devices }: Plan): DeviceName | null {
  for (const [name, bytes] of devices) if (bytes > (state.devices.get(name)?.budgetBytes ?? 0)) return name;
  return null;
}

/** All of it can be ready together. */
export function fits(state: PoolState, plan: Plan): boolean {
  const { memoryBytes, maxRunners } = state.settings;
  if (plan.bytes.host > memoryBytes || plan.runners > maxRunners) return false;
  return overfullDevice(state, plan) === null;
}

/**
 * What is kept stays where it begins: false where something else that is kept would have no room then. Where they do not
 * fit together anyway it makes no difference.
 */
export function mayStayOn(state: PoolState, { key }: Combo, place: Place): boolean {
  if (place.device === null || !state.keeps.has(key)) return true;
  const kept = [...state.keeps.values()];
  return fits(state, planOf(state, kept, place)) || !fits(state, planOf(state, kept));
}

/** On how many runners the kept combos of a base have to be. */
export function keptRunners(state: PoolState, model: CatalogueModel): number {
  const kept = [...state.keeps.values()].filter(({ combo }) => baseKey(combo.model) === baseKey(model));
  return planOf(state, kept).runners;
}

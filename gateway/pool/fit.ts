import type { CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import { parseCombo } from '../domain/combo.ts';
import type { Capacity, Failure } from '../domain/errors.ts';
import type { ComboKey } from '../domain/ids.ts';
import type { Keep } from './keeps.ts';
import { capacityOf, comboNeed, weightNeed, wholeNeed } from './memory.ts';
import type { Pin } from './pins.ts';
import { baseKey, type PoolState } from './state.ts';

/** What has to be ready together. */
interface Plan {
  readonly bytes: number;
  readonly runners: number;
}

interface Share {
  readonly model: CatalogueModel;
  /** Of each combo: on how many runners. */
  readonly counts: number[];
  comboBytes: number;
}

/** Memory and runners that combos take together: those of one base share runners, each on as many as it counts. */
function planOf(state: PoolState, kept: Iterable<{ readonly combo: Combo; readonly count: number }>): Plan {
  const shares = new Map<string, Share>();
  for (const { combo, count } of kept) {
    const key = baseKey(combo.model);
    const share = shares.get(key) ?? { model: combo.model, counts: [], comboBytes: 0 };
    share.counts.push(count);
    share.comboBytes += count * comboNeed(state, combo);
    shares.set(key, share);
  }
  let bytes = 0;
  let runners = 0;
  for (const share of shares.values()) {
    const needed = runnersOf(share, state.settings.maxCombosPerRunner);
    runners += needed;
    bytes += needed * weightNeed(state, share.model) + contextBytes(share, needed);
  }
  return { bytes, runners };
}

function runnersOf({ counts }: Share, maxCombosPerRunner: number): number {
  let most = 0;
  let all = 0;
  for (const count of counts) {
    most = Math.max(most, count);
    all += count;
  }
  return Math.max(most, Math.ceil(all / maxCombosPerRunner));
}

/** Past the base's KV budget combos share contexts. */
function contextBytes({ model, comboBytes }: Share, runners: number): number {
  return model.kvBudgetBytes === null ? comboBytes : Math.min(comboBytes, runners * model.kvBudgetBytes);
}

/** On how many runners the kept combos of a base have to be. */
export function keptRunners(state: PoolState, model: CatalogueModel): number {
  const kept = [...state.keeps.values()].filter(({ combo }) => baseKey(combo.model) === baseKey(model));
  return planOf(state, kept).runners;
}

/**
 * The kept combos that fit together, in their order. All, unless the configuration asks for too much: the others are not
 * begun, or whoever waits would wait behind them for ever.
 */
export function affordableKeeps(state: PoolState): ReadonlySet<ComboKey> {
  const { memoryBytes, maxRunners } = state.settings;
  const affordable = new Set<ComboKey>();
  const kept: Keep[] = [];
  for (const [key, keep] of state.keeps) {
    const { bytes, runners } = planOf(state, [...kept, keep]);
    if (bytes > memoryBytes || runners > maxRunners) continue;
    kept.push(keep);
    affordable.add(key);
  }
  return affordable;
}

/** Where the combo could have a place when everything else but what is kept had gone. */
export function canFit(state: PoolState, combo: Combo): boolean {
  const { memoryBytes, maxRunners } = state.settings;
  if (wholeNeed(state, combo) > memoryBytes) return false;
  if (state.keeps.size === 0 || state.keeps.has(combo.key)) return true;
  const fits = ({ bytes, runners }: Plan): boolean => bytes <= memoryBytes && runners <= maxRunners;
  if (fits(planOf(state, [...state.keeps.values(), { combo, count: 1 }]))) return true;
  // What is kept by configuration may be too much by itself: then nobody else is refused for it.
  return !fits(planOf(state, state.keeps.values()));
}

/** Why a combo cannot be started, as arithmetic: what it takes, what there is, who has how much, what is kept. */
export function capacityFailure(state: PoolState, combo: Combo): Failure {
  const neededBytes = wholeNeed(state, combo);
  const { memoryBytes } = state.settings;
  const pinned = pinnedRows(state);
  const capacity: Capacity = { ...capacityOf(state), neededBytes, ...(pinned.length > 0 && { pinned }) };
  const what = `Cannot start "${combo.name}": it needs ${neededBytes} bytes of memory`;
  if (neededBytes > memoryBytes) {
    const message = `${what}, expected at most ${memoryBytes}`;
    return { code: 'no_capacity', message, isPermanent: true, capacity };
  }
  return { code: 'no_capacity', message: `${what} and a runner, which the pins do not leave`, capacity };
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
  const ownBytes = level === 'ready' ? wanted.bytes - before.bytes : stagedOf(combo, others);
  const total = before.bytes + stagedBytes + ownBytes;
  // What is only staged takes no runner yet, but nothing is staged for more of them than there may be.
  const runners = level === 'ready' ? wanted.runners : count;
  if (total <= memoryBytes && runners <= maxRunners) return null;
  const what = `Cannot pin "${combo.name}" on ${count} runner${count === 1 ? '' : 's'}`;
  const why =
    total > memoryBytes
      ? `it needs ${ownBytes} bytes of memory, expected at most ${Math.max(0, memoryBytes - before.bytes - stagedBytes)} beside the other pins`
      : `${level === 'ready' ? 'with the other pins that makes' : 'it is to be staged for'} ${runners} runners, expected at most ${maxRunners}`;
  const capacity: Capacity = { ...capacityOf(state), neededBytes: ownBytes, pinned: pinnedRows(state) };
  return { code: 'conflict', message: `${what}: ${why}`, capacity };
}

/** What each of the kept combos takes, in their order: what a base takes is told with its first. */
export function pinnedRows(state: PoolState): NonNullable<Capacity['pinned']> {
  const rows: { combo: string; count: number; bytes: number }[] = [];
  const kept: { combo: Combo; count: number }[] = [];
  let before = 0;
  for (const { combo, count } of state.keeps.values()) {
    kept.push({ combo, count });
    const { bytes } = planOf(state, kept);
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
  let bytes = isReady ? 0 : model.weightBytes;
  for (const { adapter } of adapters) bytes += adapter.weightBytes;
  return bytes;
}

import type { CatalogueModel } from '../domain/catalogue.ts';
import { type Combo, comboOfKey } from '../domain/combo.ts';
import { type ComboKey, comboKey, type DeviceName, modelId, type RunnerId } from '../domain/ids.ts';
import { isCovered, plus, split, totalOf } from './bytes.ts';
import { bytesOfSize } from './contexts.ts';
import { deviceContextBytes, mayBeOn } from './devices.ts';
import type { PoolEffect } from './effects.ts';
import type { PoolEvent } from './events.ts';
import { newWorth } from './eviction.ts';
import { type ContextFact, contextShare } from './measures.ts';
import {
  freeBytes,
  measureContext,
  measureWeights,
  missingBytes,
  pagesOfStart,
  weightNeed,
  withoutShared,
} from './memory.ts';
import { adoptPages, mapsElsewhere } from './pages.ts';
import { mostRunners } from './scaling.ts';
import { answerOrders, grantWaiting } from './serving.ts';
import { readySlot, Slots } from './slots.ts';
import { baseKey, type PoolState, type ReadyRunner } from './state.ts';
import { beganFor } from './tiers.ts';
import { moveTo } from './transitions.ts';
import { restingCount, runnersOfBase, runnersWithBase } from './usable.ts';

/** What a runner of an earlier gateway says that it holds. */
export interface AdoptionOffer {
  readonly runnerId: RunnerId;
  readonly isLoading: boolean;
  /** The only one that its process sees. */
  readonly device: DeviceName | null;
  /** It has given its base back; `keptBytes` of the file are in host memory. */
  readonly isAsleep: boolean;
  readonly keptBytes: number;
  /** null: a standby. */
  readonly model: {
    readonly id: string;
    readonly revision: string;
    readonly sequences: number;
    /** Absent: as the catalogue says. */
    readonly useMmap?: boolean;
  } | null;
  /** It has the weights from their source, not from the weight store. */
  readonly atSource?: boolean;
  readonly combos: readonly {
    readonly combo: string;
    readonly sequences: number;
    readonly kvBytes: number;
    readonly computeBytes: number;
    readonly onDevice?: ContextFact['onDevice'] | undefined;
  }[];
}

/** A combo that an adopted runner has ready. */
export interface AdoptedCombo {
  readonly combo: Combo;
  readonly sequences: number;
  readonly kvBytes: number;
  readonly computeBytes: number;
  /** Of the context what is on the device, 0 to 1. */
  readonly deviceShare: number;
}

/** `stale`: combos that have to be detached before the runner is adopted. */
export type AdoptionVerdict =
  | { readonly ok: true; readonly as: 'standby'; readonly device: DeviceName | null }
  | {
      readonly ok: true;
      readonly as: 'sleeper';
      readonly model: CatalogueModel;
      readonly device: DeviceName | null;
      readonly atSource: boolean;
      readonly keptBytes: number;
    }
  | {
      readonly ok: true;
      readonly as: 'runner';
      readonly model: CatalogueModel;
      readonly device: DeviceName | null;
      readonly atSource: boolean;
      readonly combos: readonly AdoptedCombo[];
      readonly stale: readonly ComboKey[];
    }
  | { readonly ok: false; readonly reason: string };

/**
 * Whether the pool can use a runner of an earlier gateway, and what of it. Has no side effects. Its base must be of the
 * current revision, so that no output comes from weights that were replaced; there must be room for it.
 */
export function judgeAdoption(state: PoolState, offer: AdoptionOffer): AdoptionVerdict {
  const { isLoading, model, device } = offer;
  if (state.shuttingDown) return refuse('the gateway is shutting down');
  if (isLoading) return refuse('its load was still under way');
  if (device !== null && !state.devices.has(device)) return refuse(`its device "${device}" is not there`);
  if (model === null) return judgeStandby(state, device);
  const current = state.catalogue.models.get(modelId(model.id));
  if (!current) return refuse(`its base "${model.id}" is not in the catalogue any more`);
  if (current.revision !== model.revision)
    return refuse(`its base "${model.id}" was replaced: it holds ${model.revision}, not ${current.revision}`);
  if (!mayBeOn(state, current, device))
    return refuse(
      `its base "${model.id}" is ${device === null ? 'in host memory' : `on "${device}"`}, where it may not be any more`,
    );
  // What may change without a new revision is as the runner has it: it begins combos with so many sequences.
  const { sequences, useMmap = current.useMmap } = model;
  const held: CatalogueModel = { ...current, sequences, useMmap };
  if (mapsElsewhere(state, held, device, offer.atSource ?? false))
    return refuse(`others have mapped the weights of its base "${model.id}" from elsewhere`);
  return offer.isAsleep ? judgeSleeper(state, held, offer) : judgeRunner(state, current, held, offer);
}

function judgeRunner(
  state: PoolState,
  current: CatalogueModel,
  held: CatalogueModel,
  { device, atSource = false, combos }: AdoptionOffer,
): AdoptionVerdict {
  const { settings, catalogue } = state;
  const { id } = current;
  if (runnersOfBase(state, current).length >= mostRunners(state, current))
    return refuse(`enough other runners hold its base "${id}"`);
  if (isWaitedFor(state, current)) return refuse(`somebody waits for memory for its base "${id}"`);
  const runners = runnersWithBase(state);
  if (runners >= settings.maxRunners)
    return refuse(`there are ${runners} runners, expected at most ${settings.maxRunners}`);
  const weights = withoutShared(weightNeed(state, current, device), pagesOfStart(state, held, device, null));
  const own = deviceContextBytes(state, { device });
  let missing = missingBytes(state, { host: weights.host, device: weights.device + own }, device);
  if (!isCovered(missing)) {
    const bytes = Math.max(0, missing.host) + Math.max(0, missing.device);
    return refuse(`its base "${id}" needs ${bytes} bytes more memory than there are`);
  }
  const kept: AdoptedCombo[] = [];
  const stale: ComboKey[] = [];
  for (const offered of combos) {
    const { combo: key, sequences, kvBytes, computeBytes, onDevice } = offered;
    const deviceShare = contextShare(
      { model: current, device },
      { kvBytes, computeBytes, ...(onDevice && { onDevice }) },
    );
    const bytes = split(kvBytes + computeBytes + reserveOf(offered, held), deviceShare);
    const next = plus(missing, bytes);
    const fits = kept.length < settings.maxCombosPerRunner && isCovered(next);
    const combo = fits ? comboOfKey(key, catalogue) : null;
    if (!combo) {
      stale.push(comboKey(key));
      continue;
    }
    missing = next;
    kept.push({ combo: { ...combo, model: held }, sequences, kvBytes, computeBytes, deviceShare });
  }
  return { ok: true, as: 'runner', model: held, device, atSource, combos: kept, stale };
}

function judgeSleeper(
  state: PoolState,
  model: CatalogueModel,
  { device, atSource = false, keptBytes }: AdoptionOffer,
): AdoptionVerdict {
  const { maxAsleep } = state.settings;
  if (restingCount(state) >= maxAsleep) return refuse(`${maxAsleep} others sleep, which is the most`);
  const own = deviceContextBytes(state, { device });
  if (!isCovered(missingBytes(state, { host: keptBytes, device: own }, device)))
    return refuse(`what its base "${model.id}" keeps asleep needs more memory than there is`);
  return { ok: true, as: 'sleeper', model, device, atSource, keptBytes };
}

/** A combo that has more sequences than its runner begins with can be made smaller again (contexts.ts). */
function reserveOf(
  size: Pick<AdoptedCombo, 'sequences' | 'kvBytes' | 'computeBytes'>,
  held: CatalogueModel,
): number {
  return size.sequences > held.sequences ? bytesOfSize(size, held.sequences) : 0;
}

/** Those that wait for memory for a base have been told how much there is. */
function isWaitedFor(state: PoolState, model: CatalogueModel): boolean {
  const queues = state.unplaced.bases.get(baseKey(model))?.queues.items ?? [];
  return queues.length > 0;
}

function judgeStandby(state: PoolState, device: DeviceName | null): AdoptionVerdict {
  const standbys = [...state.runners.values()].filter(({ model }) => model === null).length;
  if (standbys >= state.settings.standbys)
    return refuse(`there are ${standbys} standbys, expected at most ${state.settings.standbys}`);
  const isOfUse = device !== null || state.devices.size === 0;
  if (!isOfUse) return refuse('it sees no device, expected one');
  const own = deviceContextBytes(state, { device });
  if (device !== null && own > freeBytes(state, device))
    return refuse(`device "${device}" has no room for it`);
  return { ok: true, as: 'standby', device };
}

export function standbyAdopted(
  state: PoolState,
  { runnerId: id, device }: Extract<PoolEvent, { type: 'standbyAdopted' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  moveTo(state, { id, device, model: null, combos: new Slots(), state: 'standby', sinceMs: nowMs });
  effects.push({ type: 'note', note: 'standby_adopted', runnerId: id });
}

/** It is in the books as one that sleeps: the first request for its base wakes it. */
export function sleeperAdopted(
  state: PoolState,
  {
    runnerId: id,
    model,
    device,
    atSource = false,
    keptBytes,
  }: Extract<PoolEvent, { type: 'sleeperAdopted' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const worth = newWorth(state, 'bases', predictedMs(model.weightBytes), nowMs);
  const rest = { sinceMs: nowMs, lastUsedMs: nowMs, worth, keptBytes };
  adoptPages(state, { id, model, device }, 0, atSource);
  moveTo(state, { id, device, model, combos: new Slots(), state: 'asleep', ...rest });
  const detail = { base: model.id, keptBytes };
  effects.push({ type: 'note', note: 'sleeper_adopted', runnerId: id, detail });
}

/**
 * Puts it into the books as ready. Who waits for a combo of it (on a start elsewhere, or it would not have been found fit)
 * is served.
 */
export function runnerAdopted(
  state: PoolState,
  event: Extract<PoolEvent, { type: 'runnerAdopted' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const { runnerId: id, model, device, weights, threads, combos } = event;
  const weightBytes = totalOf(weights);
  adoptPages(state, { id, model, device }, weights.host, event.atSource ?? false);
  const runner: ReadyRunner = moveTo(state, {
    id,
    device,
    model,
    combos: new Slots(),
    state: 'ready',
    weights,
    worth: newWorth(state, 'bases', predictedMs(weightBytes), nowMs),
    interactive: beganFor('interactive', nowMs),
    threads,
    active: 0,
    startShared: true,
    lastUsedMs: nowMs,
  });
  measureWeights(state, model, device, weights);
  const keepAliveMs = model.idleTtlMs ?? Number.POSITIVE_INFINITY;
  for (const adopted of combos) {
    const { combo, sequences, kvBytes, computeBytes, deviceShare } = adopted;
    const reserveBytes = reserveOf(adopted, model);
    const worth = newWorth(state, 'combos', predictedMs(kvBytes + computeBytes), nowMs);
    const interactive = beganFor('interactive', nowMs);
    runner.combos.set(
      combo.key,
      readySlot({ ...adopted, reserveBytes, worth, interactive, keepAliveMs }, nowMs),
    );
    if (sequences === model.sequences && kvBytes > 0)
      measureContext(state, model, device, split(kvBytes + computeBytes, deviceShare));
  }
  for (const { combo } of combos) {
    answerOrders(state, runner, combo.key, effects);
    grantWaiting(state, combo.key, nowMs, effects);
  }
  const detail = { base: model.id, weightBytes, combos: combos.length };
  effects.push({ type: 'note', note: 'runner_adopted', runnerId: id, detail });
}

/** What getting it back would take, when nobody here has seen it start: at 1 GB/s. */
function predictedMs(bytes: number): number {
  return bytes / 1e6;
}

function refuse(reason: string): AdoptionVerdict {
  return { ok: false, reason };
}

import type { CatalogueModel } from '../domain/catalogue.ts';
import { type Combo, comboOfKey } from '../domain/combo.ts';
import { type ComboKey, comboKey, modelId, type RunnerId } from '../domain/ids.ts';
import { bytesOfSize, oneContext } from './contexts.ts';
import type { PoolEffect } from './effects.ts';
import type { PoolEvent } from './events.ts';
import { newWorth } from './eviction.ts';
import { freeBytes, hostBytes, measureContext, measureWeights, weightNeed } from './memory.ts';
import { mostRunners } from './scaling.ts';
import { answerOrders, grantWaiting } from './serving.ts';
import { baseKey, type PoolState, runnersWithBase } from './state.ts';
import { beganFor } from './tiers.ts';
import { moveTo } from './transitions.ts';
import { runnersOfBase } from './usable.ts';

/** What a runner of an earlier gateway says that it holds. */
export interface AdoptionOffer {
  readonly runnerId: RunnerId;
  readonly isLoading: boolean;
  /** null: a standby. */
  readonly model: { readonly id: string; readonly revision: string; readonly sequences: number } | null;
  readonly combos: readonly {
    readonly combo: string;
    readonly sequences: number;
    readonly kvBytes: number;
    readonly computeBytes: number;
  }[];
}

/** A combo that an adopted runner has ready. */
export interface AdoptedCombo {
  readonly combo: Combo;
  readonly sequences: number;
  readonly kvBytes: number;
  readonly computeBytes: number;
}

/** `stale`: combos that have to be detached before the runner is adopted. */
export type AdoptionVerdict =
  | { readonly ok: true; readonly as: 'standby' }
  | {
      readonly ok: true;
      readonly as: 'runner';
      readonly model: CatalogueModel;
      readonly combos: readonly AdoptedCombo[];
      readonly stale: readonly ComboKey[];
    }
  | { readonly ok: false; readonly reason: string };

/**
 * Whether the pool can use a runner of an earlier gateway, and what of it. Has no side effects. Its base must be of the
 * current revision, so that no output comes from weights that were replaced; there must be room for it.
 */
export function judgeAdoption(
  state: PoolState,
  { isLoading, model, combos }: AdoptionOffer,
): AdoptionVerdict {
  if (state.shuttingDown) return refuse('the gateway is shutting down');
  if (isLoading) return refuse('its load was still under way');
  if (model === null) return judgeStandby(state);
  const { settings, catalogue } = state;
  const current = catalogue.models.get(modelId(model.id));
  if (!current) return refuse(`its base "${model.id}" is not in the catalogue any more`);
  if (current.revision !== model.revision)
    return refuse(`its base "${model.id}" was replaced: it holds ${model.revision}, not ${current.revision}`);
  if (runnersOfBase(state, current).length >= mostRunners(state, current))
    return refuse(`enough other runners hold its base "${model.id}"`);
  if (isWaitedFor(state, current)) return refuse(`somebody waits for memory for its base "${model.id}"`);
  const runners = runnersWithBase(state);
  if (runners >= settings.maxRunners)
    return refuse(`there are ${runners} runners, expected at most ${settings.maxRunners}`);
  const free = freeBytes(state) - weightNeed(state, current);
  if (free < 0) return refuse(`its base "${model.id}" needs ${-free} bytes more memory than there are`);
  // What may change without a new revision is as the runner has it: it begins combos with so many sequences.
  const held: CatalogueModel = { ...current, sequences: model.sequences };
  const kept: AdoptedCombo[] = [];
  const stale: ComboKey[] = [];
  let left = free;
  for (const { combo: key, sequences, kvBytes, computeBytes } of combos) {
    const size = { sequences, kvBytes, computeBytes };
    const bytes = hostBytes(state, current, kvBytes + computeBytes + reserveOf(size, held));
    const fits = kept.length < settings.maxCombosPerRunner && bytes <= left;
    const combo = fits ? comboOfKey(key, catalogue) : null;
    if (combo) left -= bytes;
    if (combo) kept.push({ combo: { ...combo, model: held }, sequences, kvBytes, computeBytes });
    else stale.push(comboKey(key));
  }
  return { ok: true, as: 'runner', model: held, combos: kept, stale };
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

function judgeStandby(state: PoolState): AdoptionVerdict {
  const standbys = state.runners.size - runnersWithBase(state);
  if (standbys < state.settings.standbys) return { ok: true, as: 'standby' };
  return refuse(`there are ${standbys} standbys, expected at most ${state.settings.standbys}`);
}

export function standbyAdopted(state: PoolState, id: RunnerId, nowMs: number, effects: PoolEffect[]): void {
  moveTo(state, { id, model: null, combos: new Map(), state: 'standby', sinceMs: nowMs });
  effects.push({ type: 'note', note: 'standby_adopted', runnerId: id });
}

/**
 * Puts it into the books as ready. Who waits for a combo of it (on a start elsewhere, or it would not have been found fit)
 * is served.
 */
export function runnerAdopted(
  state: PoolState,
  { runnerId: id, model, weightBytes, threads, combos }: Extract<PoolEvent, { type: 'runnerAdopted' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const runner = moveTo(state, {
    id,
    model,
    combos: new Map(),
    state: 'ready',
    weightBytes,
    worth: newWorth(state, 'bases', predictedMs(weightBytes), nowMs),
    interactive: beganFor('interactive', nowMs),
    threads,
    active: 0,
    lastUsedMs: nowMs,
  });
  measureWeights(state, model, weightBytes);
  const keepAliveMs = model.idleTtlMs ?? Number.POSITIVE_INFINITY;
  for (const adopted of combos) {
    const { combo, sequences, kvBytes, computeBytes } = adopted;
    const worth = newWorth(state, 'combos', predictedMs(kvBytes + computeBytes), nowMs);
    runner.combos.set(combo.key, {
      ...oneContext(adopted),
      reserveBytes: hostBytes(state, model, reserveOf(adopted, model)),
      state: 'ready',
      combo,
      worth,
      interactive: beganFor('interactive', nowMs),
      active: 0,
      lastUsedMs: nowMs,
      keepAliveMs,
    });
    if (sequences === model.sequences) measureContext(state, model, kvBytes, computeBytes);
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

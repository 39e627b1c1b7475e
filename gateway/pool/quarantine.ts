import type { CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';
import { isCurrentCombo, isCurrentModel } from './current.ts';
import type { PoolEffect } from './effects.ts';
import { roll } from './jitter.ts';
import { baseKey, type PoolState } from './state.ts';

/** What failed to start: a base with all its combos, or one combo on a base that is sound. */
export type Culprit =
  | { readonly scope: 'base'; readonly model: CatalogueModel }
  | { readonly scope: 'combo'; readonly combo: Combo };

/** Failures of one culprit in a row, with no success between them. */
export interface Quarantine {
  readonly culprit: Culprit;
  readonly failures: number;
  /** No start begins before; in the past while a next one may, or after a single failure. */
  readonly untilMs: number;
  /** The last cause. */
  readonly failure: Failure;
}

export type LiftReason = 'success' | 'operator' | 'catalogue' | 'forgotten';

/** One failure may be an accident: the next start may begin at once. */
const FAILURES_BEFORE = 2;
/** Combos are client-made (any scale is another one): what is remembered of them is bounded. */
const MOST_KNOWN = 1_000;

/**
 * Counts a failed start. From the second in a row on the next one waits: exponential backoff with full jitter above the
 * base (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), so that bases which fell together do
 * not come back together. What would fail again as it is waits for the cap at once: a file may be repaired in place.
 */
export function strike(
  state: PoolState,
  culprit: Culprit,
  failure: Failure,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const key = keyOf(culprit);
  const failures = (state.quarantines.get(key)?.failures ?? 0) + 1;
  const isPermanent = failure.code === 'start_failed_permanently';
  const forMs = isPermanent ? state.settings.quarantineCapMs : backoffMs(state, failures);
  // The newest is the last of the map: the first is the one to forget.
  state.quarantines.delete(key);
  state.quarantines.set(key, { culprit, failures, untilMs: nowMs + forMs, failure });
  const [oldest] = state.quarantines.keys();
  if (oldest !== undefined && state.quarantines.size > MOST_KNOWN) state.quarantines.delete(oldest);
  if (forMs === 0) return;
  const { scope } = culprit;
  const detail = {
    scope,
    failures,
    forMs: Math.round(forMs),
    code: failure.code,
    message: failure.message,
  };
  effects.push({ type: 'note', note: 'combo_quarantined', combo: nameOf(culprit), detail });
}

/** 0 for a first failure. */
function backoffMs({ settings, dice }: PoolState, failures: number): number {
  if (failures < FAILURES_BEFORE) return 0;
  const { quarantineBaseMs, quarantineCapMs } = settings;
  const ceilingMs = Math.min(quarantineCapMs, quarantineBaseMs * 2 ** (failures - 1));
  const floorMs = Math.min(quarantineBaseMs, ceilingMs);
  return floorMs + roll(dice) * (ceilingMs - floorMs);
}

/**
 * What forbids a start of the combo now: its own failures, or those of its base when that would have to be loaded for
 * it. null: nothing. Has no side effects.
 */
export function quarantineOf(
  state: PoolState,
  combo: Combo,
  needsBase: boolean,
  nowMs: number,
): Quarantine | null {
  if (state.quarantines.size === 0) return null;
  const own = state.quarantines.get(combo.key);
  const base = needsBase ? state.quarantines.get(quarantineKey(combo.model)) : undefined;
  const [longest] = [own, base]
    .filter((one) => one !== undefined)
    .filter(({ untilMs }) => untilMs > nowMs)
    .sort((a, b) => b.untilMs - a.untilMs);
  return longest ?? null;
}

/** How a request is refused whose combo may not be started yet. */
export function quarantinedFailure({ name }: Combo, quarantine: Quarantine, nowMs: number): Failure {
  const { failures, untilMs, failure } = quarantine;
  const retryAfterMs = Math.ceil(untilMs - nowMs);
  const times = failures === 1 ? 'a failed start' : `${failures} failed starts`;
  return {
    code: 'quarantined',
    message: `Cannot start "${name}": expected no attempt for ${retryAfterMs} ms after ${times}, the last: ${failure.message}`,
    retryAfterMs,
    ...(failure.code === 'start_failed_permanently' && { isPermanent: true }),
  };
}

/** It has started, or may be tried again for another reason. True when failures of it were known. */
export function lift(state: PoolState, key: string, reason: LiftReason, effects: PoolEffect[]): boolean {
  const quarantine = state.quarantines.get(key);
  if (!quarantine) return false;
  state.quarantines.delete(key);
  const { culprit, failures, failure } = quarantine;
  // One failure that came and went was no news, and its end is none.
  if (failures < FAILURES_BEFORE && failure.code !== 'start_failed_permanently') return true;
  const detail = { scope: culprit.scope, failures, reason };
  effects.push({ type: 'note', note: 'quarantine_lifted', combo: nameOf(culprit), detail });
  return true;
}

/** An operator's order to start it is tried at once; the failures count on. */
export function allowStart(state: PoolState, combo: Combo, nowMs: number): void {
  for (const key of [combo.key, quarantineKey(combo.model)]) {
    const quarantine = state.quarantines.get(key);
    if (quarantine && quarantine.untilMs > nowMs)
      state.quarantines.set(key, { ...quarantine, untilMs: nowMs });
  }
}

/** Forgets what was replaced or removed: another revision has failed at nothing yet. */
export function forgetStale(state: PoolState, effects: PoolEffect[]): void {
  for (const [key, { culprit }] of state.quarantines) {
    const isCurrent =
      culprit.scope === 'base'
        ? isCurrentModel(culprit.model, state.catalogue)
        : isCurrentCombo(culprit.combo, state.catalogue);
    if (!isCurrent) lift(state, key, 'catalogue', effects);
  }
}

/** Forgets failures that nobody has added to for the cap: what comes then is a first one. */
export function forgetOld(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  for (const [key, { untilMs }] of state.quarantines)
    if (nowMs - untilMs >= state.settings.quarantineCapMs) lift(state, key, 'forgotten', effects);
}

function keyOf(culprit: Culprit): string {
  return culprit.scope === 'base' ? quarantineKey(culprit.model) : culprit.combo.key;
}

/** Of a base; a combo's is its own key. A space keeps it apart from that of the bare base as a combo. */
export function quarantineKey(model: CatalogueModel): string {
  return `base ${baseKey(model)}`;
}

function nameOf(culprit: Culprit): string {
  return culprit.scope === 'base' ? culprit.model.id : culprit.combo.name;
}

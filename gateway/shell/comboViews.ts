import { type Combo, parseCombo } from '../domain/combo.ts';
import { bestHolder, holdersOf } from '../pool/holders.ts';
import { type Quarantine, quarantineOf } from '../pool/quarantine.ts';
import { type PoolState } from '../pool/state.ts';
import { restingRunners, runnersOfBase } from '../pool/usable.ts';
import type { ComboView, LoadStatus, QuarantineView } from './poolControl.ts';

/** One moment on both clocks. */
export interface Moment {
  readonly monoMs: number;
  readonly epochMs: number;
}

/**
 * Every combo that somebody may look for: bases, each adapter alone on its base, and whatever else runners hold, requests
 * wait for or failed to start. In the order of their names.
 */
export function comboViews(state: PoolState, now: Moment): ComboView[] {
  const combos = new Map<string, Combo>();
  const add = (combo: Combo): unknown => combos.set(combo.key, combo);
  for (const name of catalogueNames(state)) {
    const parsed = parseCombo(name, [], state.catalogue);
    if (parsed.ok) add(parsed.value);
  }
  for (const runner of state.runners.values()) for (const { combo } of runner.combos.values()) add(combo);
  for (const { combo } of state.queues.values()) add(combo);
  for (const { culprit } of state.quarantines.values()) if (culprit.scope === 'combo') add(culprit.combo);
  return [...combos.values()]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((combo) => viewOf(state, combo, now));
}

function catalogueNames({ catalogue }: PoolState): string[] {
  const adapted = [...catalogue.adapters.values()].map(({ base, id }) => `${base}+${id}`);
  return [...catalogue.models.keys(), ...adapted];
}

function viewOf(state: PoolState, combo: Combo, now: Moment): ComboView {
  const needsBase = runnersOfBase(state, combo.model).length === 0;
  const quarantine = quarantineOf(state, combo, needsBase, now.monoMs);
  const holders = [...state.runners.values()].filter(
    ({ combos }) => combos.get(combo.key)?.state === 'ready',
  );
  return {
    object: 'combo',
    combo: combo.name,
    base: combo.model.id,
    status: comboStatus(state, combo),
    runners: holders.map(({ id }) => id),
    waiting: state.queues.get(combo.key)?.waiters.length ?? 0,
    quarantine: quarantine && quarantineView(quarantine, now),
  };
}

export function comboStatus(state: PoolState, combo: Combo): LoadStatus {
  const slot = bestHolder(state, combo)?.slot;
  if (slot) return slot.state === 'ready' ? 'loaded' : 'loading';
  const isLeaving = holdersOf(state, combo).some((one) => one.slot.state === 'draining');
  if (isLeaving) return 'loaded';
  return restingRunners(state, combo.model).length > 0 && combo.adapters.length === 0
    ? 'sleeping'
    : 'unloaded';
}

function quarantineView({ culprit, failures, untilMs, failure }: Quarantine, now: Moment): QuarantineView {
  const { code, message } = failure;
  return {
    scope: culprit.scope,
    failures,
    until: new Date(now.epochMs + untilMs - now.monoMs).toISOString(),
    last_error: { code, message },
  };
}

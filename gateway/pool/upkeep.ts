import type { ComboKey } from '../domain/ids.ts';
import { totalOf } from './bytes.ts';
import { anyDevice } from './devices.ts';
import type { PoolEffect } from './effects.ts';
import { affordableKeeps, canFit, capacityFailure } from './fit.ts';
import { holdersOf } from './holders.ts';
import type { Keep } from './keeps.ts';
import { comboNeed, weightNeed } from './memory.ts';
import { quarantineOf } from './quarantine.ts';
import { rejectWaiting } from './queues.ts';
import { type PoolState, type ReplicaWant } from './state.ts';
import { runnersOfBase } from './usable.ts';
import { allWants, markPlaced, wantPlace } from './wants.ts';

/** Wants a place for every combo that is kept and lacks runners, what is there soonest first. */
export function upkeep(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  dropReplicas(state, (want) => !isMissing(state, want.combo.key, nowMs));
  if (state.keeps.size === 0 || state.shuttingDown) return;
  const missing = [...state.keeps.values()].filter(
    ({ combo }) => !state.replicas.has(combo.key) && isMissing(state, combo.key, nowMs),
  );
  if (missing.length === 0) return;
  const affordable = affordableKeeps(state);
  missing.sort((a, b) => restoreBytes(state, a) - restoreBytes(state, b));
  for (const keep of missing) {
    const { combo } = keep;
    if (!affordable.has(combo.key)) {
      keep.lastFailure = capacityFailure(state, combo);
      continue;
    }
    const want: ReplicaWant = { type: 'replica', combo, sinceMs: nowMs };
    state.replicas.set(combo.key, want);
    wantPlace(state, want);
    effects.push({ type: 'note', note: 'replica_wanted', combo: combo.name });
  }
}

/** A start of the combo has begun: no replica is wanted any more, or another one is. */
export function replicaBegun(state: PoolState, key: ComboKey): void {
  const want = state.replicas.get(key);
  if (want && !isMissing(state, key, want.sinceMs)) dropReplica(state, want);
}

/** Nothing more is begun for those of which it is true. */
export function dropReplicas(state: PoolState, drops: (want: ReplicaWant) => boolean): void {
  for (const want of state.replicas.values()) if (drops(want)) dropReplica(state, want);
}

/** Answers those who can have no room any more beside what is kept now. */
export function refuseUnfit(state: PoolState, effects: PoolEffect[]): void {
  for (const { type, combo } of allWants(state))
    if (type === 'queue' && !canFit(state, combo))
      rejectWaiting(state, combo.key, capacityFailure(state, combo), effects);
}

function dropReplica(state: PoolState, want: ReplicaWant): void {
  state.replicas.delete(want.combo.key);
  markPlaced(state, want);
}

/** Replicas that leave count until they have gone: what they leave is then used for the next. */
function isMissing(state: PoolState, key: ComboKey, nowMs: number): boolean {
  const keep = state.keeps.get(key);
  if (keep === undefined || nowMs < keep.retryAtMs || holdersOf(state, keep.combo).length >= keep.count)
    return false;
  return quarantineOf(state, keep.combo, true, nowMs) === null;
}

function restoreBytes(state: PoolState, { combo }: Keep): number {
  const [runner] = runnersOfBase(state, combo.model);
  const device = runner ? runner.device : anyDevice(state, combo.model);
  const need = totalOf(comboNeed(state, combo, device));
  return need + (runner ? 0 : totalOf(weightNeed(state, combo.model, device)));
}

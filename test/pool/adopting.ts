import { expect } from 'vitest';
import type { Combo } from '../../gateway/domain/combo.ts';
import type { RunnerId } from '../../gateway/domain/ids.ts';
import { judgeAdoption } from '../../gateway/pool/adoption.ts';
import { isCurrentCombo, isCurrentModel } from '../../gateway/pool/current.ts';
import type { PoolEvent } from '../../gateway/pool/events.ts';
import { baseKey, type PoolState } from '../../gateway/pool/state.ts';
import { type ProcessWorld, SimulatedProcess } from './processes.ts';

/** A process of an earlier gateway that the pool can use, and how it is told of it. */
export interface Adopted {
  readonly process: SimulatedProcess;
  readonly event: Extract<PoolEvent, { type: 'runnerAdopted' | 'standbyAdopted' }>;
}

/** What the pool takes of a runner that holds these combos; without any it is a standby. null: nothing. */
export function judgeOffer(
  world: ProcessWorld & { readonly state: PoolState },
  runnerId: RunnerId,
  combos: readonly Combo[],
): Adopted | null {
  const { state } = world;
  const model = combos[0]?.model ?? null;
  const held = combos.filter((combo) => model && baseKey(combo.model) === baseKey(model));
  const offered = held.map(({ key }) => ({ combo: key, kvBytes: 10, computeBytes: 5 }));
  const verdict = judgeAdoption(state, { runnerId, isLoading: false, model, combos: offered });
  if (!verdict.ok) return null;
  if (verdict.as === 'standby') {
    const process = SimulatedProcess.adopted(runnerId, null, world);
    return { process, event: { type: 'standbyAdopted', runnerId } };
  }
  if (!isCurrentModel(verdict.model, state.catalogue)) expect.fail('adopts a base that is not current');
  const process = SimulatedProcess.adopted(runnerId, baseKey(verdict.model), world);
  for (const { combo } of verdict.combos) {
    if (!isCurrentCombo(combo, state.catalogue)) expect.fail('adopts a combo that is not current');
    process.combos.set(combo.key, { combo, state: 'ready', kind: 'attach', readyAtEvent: 0, begun: 0 });
  }
  const { threads } = process;
  return { process, event: { ...verdict, type: 'runnerAdopted', runnerId, weightBytes: 1000, threads } };
}

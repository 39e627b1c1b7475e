import { expect } from 'vitest';
import type { Combo } from '../../gateway/domain/combo.ts';
import type { RunnerId } from '../../gateway/domain/ids.ts';
import { judgeAdoption } from '../../gateway/pool/adoption.ts';
import { isCurrentCombo, isCurrentModel } from '../../gateway/pool/current.ts';
import type { PoolEvent } from '../../gateway/pool/events.ts';
import { baseKey, type PoolState } from '../../gateway/pool/state.ts';
import { kvBytesOf, type ProcessWorld, SimulatedProcess } from './processes.ts';

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
  const offered = held.map((combo) => {
    const { sequences: first, maxSequences } = combo.model;
    const sequences = world.random() < 0.3 ? maxSequences : first;
    return { combo: combo.key, sequences, kvBytes: kvBytesOf(combo, sequences), computeBytes: 5 };
  });
  const verdict = judgeAdoption(state, { runnerId, isLoading: false, model, combos: offered });
  if (!verdict.ok) return null;
  if (verdict.as === 'standby') {
    const process = SimulatedProcess.adopted(runnerId, null, world);
    return { process, event: { type: 'standbyAdopted', runnerId } };
  }
  if (!isCurrentModel(verdict.model, state.catalogue)) expect.fail('adopts a base that is not current');
  const process = SimulatedProcess.adopted(runnerId, baseKey(verdict.model), world);
  for (const { combo, sequences } of verdict.combos) {
    if (!isCurrentCombo(combo, state.catalogue)) expect.fail('adopts a combo that is not current');
    const size = { sequences, newBytes: 0, oldBytes: 0 };
    const started = { kind: 'attach', readyAtEvent: 0, begun: 0 } as const;
    process.combos.set(combo.key, { ...started, ...size, combo, state: 'ready' });
  }
  const { threads } = process;
  return { process, event: { ...verdict, type: 'runnerAdopted', runnerId, weightBytes: 1000, threads } };
}

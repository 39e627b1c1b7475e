import { expect } from 'vitest';
import type { Combo } from '../../gateway/domain/combo.ts';
import type { RunnerId } from '../../gateway/domain/ids.ts';
import { judgeAdoption } from '../../gateway/pool/adoption.ts';
import { split } from '../../gateway/pool/bytes.ts';
import { isCurrentCombo, isCurrentModel } from '../../gateway/pool/current.ts';
import { deviceShare, devicesFor } from '../../gateway/pool/devices.ts';
import type { PoolEvent } from '../../gateway/pool/events.ts';
import { baseKey, type PoolState } from '../../gateway/pool/state.ts';
import { kvBytesOf, type ProcessWorld, SimulatedProcess } from './processes.ts';
import { fileOf } from './sharedFiles.ts';

/** A process of an earlier gateway that the pool can use, and how it is told of it. */
export interface Adopted {
  readonly process: SimulatedProcess;
  readonly event: Extract<PoolEvent, { type: 'runnerAdopted' | 'standbyAdopted' | 'sleeperAdopted' }>;
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
  // Now and then not where its base may be.
  const own = model && world.random() < 0.9 ? devicesFor(state, model).map(({ name }) => name) : null;
  const device = anyOf(own ?? [...state.devices.keys()], world.random());
  const isAsleep = model !== null && world.random() < 0.3;
  const share = model ? deviceShare(model, device) : 0;
  const isInStore = model?.segment ? world.store.isStaged(model.segment) : false;
  const atSource = !isInStore || world.random() < 0.3;
  const offer = { runnerId, isLoading: false, isAsleep, device, keptBytes: 1000 * share, model, atSource };
  const verdict = judgeAdoption(state, { ...offer, combos: isAsleep ? [] : offered });
  if (!verdict.ok) return null;
  const process = SimulatedProcess.adopted(runnerId, model && baseKey(model), device, world);
  process.share = share;
  process.origin = atSource ? 'source' : 'store';
  process.file = model && fileOf(model, device);
  if (verdict.as === 'standby') return { process, event: { type: 'standbyAdopted', runnerId, device } };
  if (!isCurrentModel(verdict.model, state.catalogue)) expect.fail('adopts a base that is not current');
  if (verdict.as === 'sleeper') {
    process.fallAsleep();
    return { process, event: { ...verdict, type: 'sleeperAdopted', runnerId } };
  }
  for (const { combo, sequences } of verdict.combos) {
    if (!isCurrentCombo(combo, state.catalogue)) expect.fail('adopts a combo that is not current');
    const size = { sequences, newBytes: 0, oldBytes: 0 };
    const started = { kind: 'attach', readyAtEvent: 0, begun: 0 } as const;
    process.combos.set(combo.key, { ...started, ...size, combo, state: 'ready' });
  }
  const { threads } = process;
  const weights = split(1000, share);
  return { process, event: { ...verdict, type: 'runnerAdopted', runnerId, weights, threads } };
}

/** null where there is none. */
function anyOf<T>(items: readonly T[], luck: number): T | null {
  return items[Math.floor(luck * items.length)] ?? null;
}

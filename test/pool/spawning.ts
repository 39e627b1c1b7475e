import type { RunnerId } from '../../gateway/domain/ids.ts';
import { isCurrentModel } from '../../gateway/pool/current.ts';
import type { PoolEffect } from '../../gateway/pool/effects.ts';
import type { PoolEvent } from '../../gateway/pool/events.ts';
import { freeBytes } from '../../gateway/pool/memory.ts';
import { isUnclaimed } from '../../gateway/pool/standbys.ts';
import type { PoolState } from '../../gateway/pool/state.ts';
import type { SimulatedProcess } from './processes.ts';

type Processes = ReadonlyMap<RunnerId, SimulatedProcess>;

/** What is wrong with spawning a process now; null: nothing. */
export function wrongSpawn(
  state: PoolState,
  processes: Processes,
  { runnerId, model, device }: Extract<PoolEffect, { type: 'spawn' }>,
  now: PoolEvent,
): string | null {
  if (processes.has(runnerId)) return 'spawns a runner twice';
  if (device !== null && !state.devices.has(device)) return 'spawns for a device that is not there';
  if (model === null) return wrongStandby(state, processes, now);
  if (awake(processes) >= state.settings.maxRunners) return 'spawns more processes than allowed';
  if (!isCurrentModel(model, state.catalogue)) return 'spawns for a base that is not current';
  const isOnDevice = model.deviceLayers !== 0 && state.devices.size > 0;
  if (isOnDevice !== (device !== null)) return `spawns for device ${device}`;
  if (model.device !== null && device !== null && device !== model.device)
    return 'spawns for another device than the one of the model';
  return standbysOn(state, device) === 0 ? null : 'spawns although there is a standby';
}

function wrongStandby(state: PoolState, processes: Processes, now: PoolEvent): string | null {
  const standbys = [...processes.values()].filter(({ baseKey }) => baseKey === null);
  if (standbys.length >= state.settings.standbys) return 'spawns more standbys than allowed';
  if (now.type !== 'tick' || state.waiting > 0) return 'spawns a standby while others wait';
  const isStart = [...state.runners.values()].some(({ state: name }) => name === 'loading');
  return isStart ? 'spawns a standby during a start' : null;
}

/** When nothing has gone on for a while there are as many standbys as there are to be; on devices as many as have room. */
export function wrongStandbys(state: PoolState): string | null {
  const { standbys } = state.settings;
  const there = [...state.runners.values()].filter(isUnclaimed).length;
  const hasRoom = [...state.devices.values()].some(
    ({ name, contextBytes }) => contextBytes <= freeBytes(state, name),
  );
  const isFull = there === standbys || (there < standbys && state.devices.size > 0 && !hasRoom);
  return isFull ? null : `there are ${there} standbys, expected ${standbys}`;
}

/** What is wrong with a standby's becoming a runner of that base; null: nothing. */
export function wrongClaim(
  state: PoolState,
  processes: Processes,
  { runnerId, model }: Extract<PoolEffect, { type: 'claim' }>,
): string | null {
  const process = processes.get(runnerId);
  if (!process || process.isStopping || process.baseKey !== null) return 'claims what is no standby';
  if (awake(processes) >= state.settings.maxRunners) return 'claims for more runners than allowed';
  return isCurrentModel(model, state.catalogue) ? null : 'claims for a base that is not current';
}

/** Processes with a base that do not sleep, those that end after they slept left out. */
export function awake(processes: Processes): number {
  return [...processes.values()].filter(({ baseKey, isAsleep }) => baseKey !== null && !isAsleep).length;
}

function standbysOn(state: PoolState, device: string | null): number {
  return [...state.runners.values()].filter((runner) => isUnclaimed(runner) && runner.device === device)
    .length;
}

import type { Budget, Capacity } from '../domain/errors.ts';
import type { DeviceName } from '../domain/ids.ts';
import { heldBytes } from './memory.ts';
import type { PoolState } from './state.ts';

/** What the host's budget is called where budgets are named. */
const HOST = 'memory';

/** What the host, or a device, has, and who holds how much of that. */
export function budgetOf(
  state: PoolState,
  device: DeviceName | null,
): Pick<Budget, 'budget' | 'budgetBytes' | 'inUse'> {
  const part = device === null ? 'host' : 'device';
  const inUse = [...state.runners.values()]
    .filter((runner) => device === null || runner.device === device)
    .map((runner) => ({
      runner: runner.id,
      base: runner.model?.id ?? null,
      bytes: heldBytes(state, runner, part),
    }))
    .filter(({ bytes }) => bytes > 0);
  return { budget: device ?? HOST, budgetBytes: budgetBytes(state, device), inUse };
}

export function budgetBytes(state: PoolState, device: DeviceName | null): number {
  return device === null ? state.settings.memoryBytes : (state.devices.get(device)?.budgetBytes ?? 0);
}

/** The arithmetic of the budget that is too small, then that of the others. */
export function capacityOf(
  state: PoolState,
  device: DeviceName | null,
  neededBytes: number,
  others: readonly { readonly device: DeviceName | null; readonly neededBytes: number }[],
  pinned: NonNullable<Capacity['pinned']>,
): Capacity {
  return {
    ...budgetOf(state, device),
    neededBytes,
    ...(pinned.length > 0 && { pinned }),
    ...(others.length > 0 && {
      others: others.map((one) => ({ ...budgetOf(state, one.device), neededBytes: one.neededBytes })),
    }),
  };
}

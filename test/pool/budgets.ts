import type { RunnerId } from '../../gateway/domain/ids.ts';
import { freeBytes } from '../../gateway/pool/memory.ts';
import type { PoolState } from '../../gateway/pool/state.ts';
import type { SimulatedProcess } from './processes.ts';
import { mappedBytes } from './sharedFiles.ts';

/** Which budget of memory or threads the pool, or its processes, exceed; null: none. */
export function wrongBudget(
  state: PoolState,
  processes: ReadonlyMap<RunnerId, SimulatedProcess>,
): string | null {
  return wrongMemory(state, processes) ?? wrongThreads(state, processes);
}

/** What processes hold and are about to: these never measure more than was predicted. */
function wrongMemory(state: PoolState, processes: ReadonlyMap<RunnerId, SimulatedProcess>): string | null {
  if (freeBytes(state) < 0) return 'promises more memory than there is';
  let bytes = mappedBytes(processes);
  for (const process of processes.values()) bytes += process.bytes(state, 'host');
  const { memoryBytes } = state.settings;
  if (bytes > memoryBytes) return `processes hold ${bytes} of ${memoryBytes} bytes`;
  for (const { name, budgetBytes } of state.devices.values()) {
    if (freeBytes(state, name) < 0) return `promises more memory of "${name}" than there is`;
    let held = 0;
    for (const process of processes.values())
      if (process.device === name) held += process.bytes(state, 'device');
    if (held > budgetBytes) return `processes hold ${held} of ${budgetBytes} bytes of "${name}"`;
  }
  return null;
}

function wrongThreads(state: PoolState, processes: ReadonlyMap<RunnerId, SimulatedProcess>): string | null {
  let busy = 0;
  let threads = 0;
  for (const runner of state.runners.values()) {
    if ((runner.state !== 'ready' && runner.state !== 'draining') || runner.active === 0) continue;
    busy += 1;
    threads += runner.threads;
    const process = processes.get(runner.id);
    if (process && process.threads !== runner.threads) return 'a runner has other threads than booked';
  }
  return threads <= Math.max(state.settings.cpuThreads, busy) ? null : `${busy} use ${threads} threads`;
}

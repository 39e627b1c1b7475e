import type { Settings } from '../config.ts';
import type { Log } from '../ports/log.ts';
import { findDevices, type LocatedDevice } from '../shell/processes/findDevices.ts';
import { findNumaPlaces, type Machine, type NumaPlaces } from '../shell/processes/numaPlaces.ts';
import type { SpawnSettings } from '../shell/processes/spawnedRunner.ts';

interface MachineDevices {
  readonly devices: readonly LocatedDevice[];
  readonly places: NumaPlaces;
}

/** Which devices there are, as a runner sees them, and where what belongs to them is to be. `machine`: this one unless said. */
export async function lookForDevices(
  {
    mayHaveDevices,
    numa,
    pool,
  }: Pick<Settings, 'mayHaveDevices' | 'numa'> & {
    readonly pool: Pick<Settings['pool'], 'spawnTimeoutMs'>;
  },
  spawning: Omit<SpawnSettings, 'places'>,
  nowEpochMs: number,
  log: Log,
  machine?: Machine,
): Promise<MachineDevices> {
  const places: NumaPlaces = new Map();
  if (!mayHaveDevices) return { devices: [], places };
  const devices = await findDevices({ ...spawning, places }, pool.spawnTimeoutMs, nowEpochMs);
  return { devices, places: numa ? findNumaPlaces(devices, log, machine) : places };
}

import { deviceName } from '../../gateway/domain/ids.ts';
import type { FoundDevice } from '../../gateway/pool/devices.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';

/** Devices of a world: those that the settings give budgets; in every second world each process takes something of its own. */
export function foundDevices({ deviceBytes }: PoolSettings, seed: number): FoundDevice[] {
  const contextBytes = seed % 2 === 0 ? 0 : 10;
  return Object.keys(deviceBytes).map((name) => ({ name: deviceName(name), totalBytes: 1e12, contextBytes }));
}

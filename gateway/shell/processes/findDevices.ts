import { deviceName, runnerId } from '../../domain/ids.ts';
import type { FoundDevice } from '../../pool/devices.ts';
import type { Greeting } from './controlChannel.ts';
import { SpawnedRunner, type SpawnSettings } from './spawnedRunner.ts';

/** A device that a runner has found, and its place on the PCI bus, as "0000:3b:00.0"; null: not known. */
export interface LocatedDevice extends FoundDevice {
  readonly busId: string | null;
}

/** What a process's context takes of a device whose driver does not tell: 527 MiB were measured on an H200. */
const UNTOLD_CONTEXT_BYTES = 600 * 2 ** 20;

/**
 * Has a runner process that sees all devices say which there are, and ends it. None when it cannot: everything is in host
 * memory then. `limitMs`: it is waited for so long.
 */
export async function findDevices(
  settings: SpawnSettings,
  limitMs: number,
  nowEpochMs: number,
): Promise<readonly LocatedDevice[]> {
  return new Promise((resolve) => {
    const process = new SpawnedRunner(runnerId('r_devices'), 'all', settings, nowEpochMs, {
      ready: (engine) => done(devicesOf(engine)),
      broken: () => done([]),
      exited: () => done([]),
    });
    const timer = setTimeout(() => done([]), limitMs);
    const done = (devices: readonly LocatedDevice[]): void => {
      clearTimeout(timer);
      process.stop(0);
      resolve(devices);
    };
  });
}

/** Those with memory of their own. */
export function devicesOf({ devices }: Greeting['engine']): LocatedDevice[] {
  return devices
    .filter(({ kind }) => kind === 'gpu')
    .map(({ name, totalBytes, contextBytes, busId }) => ({
      name: deviceName(name),
      totalBytes,
      contextBytes: contextBytes ?? UNTOLD_CONTEXT_BYTES,
      busId,
    }));
}
